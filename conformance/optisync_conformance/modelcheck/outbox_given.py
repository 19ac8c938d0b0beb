"""The inputs of the outbox: as records of the model, and in short words for edges and paths."""

from __future__ import annotations

from functools import lru_cache
from typing import assert_never

from optisync.contracts.entry import WriteEntry
from optisync.contracts.messages import Accepted, Delta, Ids, Label, Outcome, Refused, Snapshot
from optisync.outbox.inputs import (
    Abandon,
    Cancel,
    Consume,
    Enqueue,
    GiveUp,
    HasRead,
    Input,
    Refusal,
    Release,
    Reserve,
    Restart,
    Result,
    Resume,
    Retry,
    Settle,
    Take,
    Tick,
    Unknown,
    Watermark,
)
from optisync.values import Obj, Version

from .outbox import (
    encode_entry,
    encode_verdict,
    name_of,
    number,
    only,
    pairs,
    parts_of,
    record,
)
from .values import Plain, Value


@lru_cache(maxsize=4096)
def encode_input(given: Input) -> Value:
    """The input as the model's record."""
    match given:
        case Take():
            return record("take", {})
        case GiveUp(seq):
            return record("give-up", {"seq": seq})
        case Enqueue(entries, seqs, stored, at):
            only(at == 0, given)
            written = tuple(encode_entry(entry) for entry in entries)
            under = tuple(number(seq) for seq in seqs)
            return record("enqueue", {"entries": written, "seqs": under, "stored": stored})
        case Reserve(limit, owner):
            only(not owner, given)
            return record("reserve", {"limit": limit})
        case Cancel(entry_id):
            return record("cancel", {"id": entry_id})
        case Abandon(entry_id):
            return record("abandon", {"id": entry_id})
        case Resume(entry_id):
            return record("resume", {"id": entry_id})
        case HasRead(entity):
            return record("has-read", {"entity": name_of(entity)})
        case Consume(upto):
            return record("consume", {"upto": upto})
        case Tick(now):
            return record("tick", {"now": now})
        case Restart():
            return record("restart", {})
        case Settle() | Release() | Delta() | Snapshot() | Watermark():
            return _spoken(given)
        case _:
            assert_never(given)


def _spoken(given: Settle | Release | Delta | Snapshot | Watermark) -> Value:
    """What the server or a worker says."""
    match given:
        case Settle(token, epoch, results):
            told = tuple(_result(result) for result in results)
            return record("settle", {"token": token, "epoch": epoch, "results": told})
        case Release(token):
            return record("release", {"token": token})
        case Delta(epoch, server_seq, prev, changes, settles):
            only(prev is None and not changes, given)
            labels = tuple(_label(label) for label in settles)
            return record("delta", {"epoch": epoch, "server_seq": server_seq, "settles": labels})
        case Snapshot(epoch, server_seq, docs, outcomes, known):
            only(docs == Obj(), given)
            decided = tuple(_outcome(outcome) for outcome in outcomes)
            at: dict[str, Plain] = {"epoch": epoch, "server_seq": server_seq}
            return record("snapshot", {**at, "outcomes": decided, "client_known": known})
        case Watermark(epoch, server_seq, upto, refused):
            at = {"epoch": epoch, "server_seq": server_seq, "upto": upto}
            codes = tuple(_refusal(each) for each in refused or ())
            only(len({each.seq for each in refused or ()}) == len(codes), given)
            return record("watermark", {**at, "named": refused is not None, "refused": codes})
        case _:
            assert_never(given)


def _refusal(refusal: Refusal) -> Plain:
    return {"seq": refusal.seq, "code": refusal.code}


def _result(result: Result) -> Plain:
    match result.outcome:
        case Accepted() | Refused():
            outcome = encode_verdict(result.outcome)
        case Retry(after):
            outcome = record("retry", {"after": after})
        case Unknown():
            outcome = record("unknown", {})
        case _:
            assert_never(result.outcome)
    return {"id": result.entry_id, "outcome": outcome}


def _label(label: Label) -> Plain:
    named: dict[str, Plain] = {"client": label.client, "seq": label.seq}
    return {**named, "version": number(label.version), "ids": pairs(label.ids)}


def _outcome(outcome: Outcome) -> Plain:
    return {"seq": outcome.seq, "verdict": encode_verdict(outcome.verdict)}


def label(given: Input) -> str:
    """A short name of an input, different for different inputs of one alphabet.

    >>> from optisync.contracts.entry import EntryId
    >>> from optisync.values import ClientSeq, Epoch
    >>> label(Take()), label(GiveUp(ClientSeq(2)))
    ('take', 'give up 2')
    >>> label(Settle(1, Epoch(1), (Result(EntryId("x"), Retry()),)))
    'settle #1 e1 x:later'
    """
    match given:
        case Take():
            return "take"
        case GiveUp(seq):
            return f"give up {seq}"
        case Enqueue(entries, seqs, stored):
            what = " ".join(_entry(entry) for entry in entries)
            under = "".join(f" as {seq}" for seq in seqs)
            return f"{'enqueue' if stored else 'direct'} {what}{under}"
        case Reserve(limit):
            return f"reserve {limit}"
        case Cancel(entry_id) | Abandon(entry_id) | Resume(entry_id):
            return f"{type(given).__name__.lower()} {entry_id}"
        case HasRead(entity):
            return f"read {entity.id}"
        case Consume(upto):
            return f"consume {upto}"
        case Tick(now):
            return f"tick {now}"
        case Restart():
            return "restart"
        case Settle() | Release() | Delta() | Snapshot() | Watermark():
            return _said(given)
        case _:
            assert_never(given)


def _said(given: Settle | Release | Delta | Snapshot | Watermark) -> str:
    match given:
        case Settle(token, epoch, results):
            told = "".join(f" {r.entry_id}:{_word(r.outcome)}" for r in results)
            return f"settle #{token} e{epoch}{told}"
        case Release(token):
            return f"release #{token}"
        case Delta(epoch, server_seq, settles=settles):
            named = "".join(
                f" {each.client}:{each.seq}{_more(each.version, each.ids)}" for each in settles
            )
            return f"delta e{epoch} @{server_seq}{named}"
        case Snapshot(epoch, server_seq, outcomes=outcomes, client_known=known):
            told = "".join(f" {o.seq}:{_word(o.verdict)}" for o in outcomes)
            return f"snapshot e{epoch} @{server_seq}{told}{'' if known else ' unknown'}"
        case Watermark(epoch, server_seq, upto, refused):
            codes = "" if refused is None else " but" + "".join(f" {r.seq}" for r in refused)
            return f"watermark e{epoch} @{server_seq} <={upto}{codes}"
        case _:
            assert_never(given)


def _entry(entry: WriteEntry) -> str:
    kind, n, refs = parts_of(entry.change)
    base = "" if entry.base is None else f" v{entry.base.version}"
    names = "".join(f" {text}" for text in refs)
    waits = "".join(f" after {other}" for other in entry.depends_on)
    same = str(entry.idempotency_key) == str(entry.entry_id)
    key = "" if same else f" key {entry.idempotency_key}"
    return f"{entry.entry_id}({kind} {entry.entity.id} {n}{names}{base}{waits}{key})"


def _word(outcome: Accepted | Refused | Retry | Unknown) -> str:
    match outcome:
        case Accepted(server_seq, version, ids):
            return f"@{server_seq}{_more(version, ids)}"
        case Refused():
            return "no"
        case Retry(after):
            return f"later{f' {after}' if after else ''}"
        case Unknown():
            return "unknown"
        case _:
            assert_never(outcome)


def _more(version: Version | None, ids: Ids) -> str:
    names = "".join(f" {temporary}={real}" for temporary, real in ids)
    return f"{'' if version is None else f' v{version}'}{names}"
