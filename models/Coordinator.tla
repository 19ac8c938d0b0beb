----------------------------- MODULE Coordinator -----------------------------
(***************************************************************************)
(* The coordinator machine: one input, the next state, the ordered         *)
(* effects.  Written by hand, rule by rule and under the same names as     *)
(* reference/optisync/coordinator (Guard is `_guard`, TakeNext is          *)
(* `take_next`, ...); `optisync models graph coordinator` holds the two    *)
(* state graphs against each other.  Pure operators on records: no         *)
(* variable is declared here, so any module may run several coordinators:  *)
(*                                                                         *)
(*   Step(config, before, given) = [state |-> .., effects |-> <<..>>,      *)
(*                                  error |-> "" or a code]                *)
(*                                                                         *)
(* config   [client, variant, dense, pending, buffer, verdicts, block,     *)
(*          strategy]; variant is "labelled", "ack-first" or               *)
(*          "seed-literal"; the four numbers are the limits.               *)
(* before   a state: `Start(confirmed, counter)` or one reached by Step.   *)
(* given    a record with a field `kind`; fields as in the Python inputs:  *)
(*          generate | register seq changes sent | sent seq | abandon seq  *)
(*          | applied ok | tick | ack epoch seq server_seq                 *)
(*          | reject epoch seq | head epoch server_seq                     *)
(*          | delta epoch server_seq prev changes settles                  *)
(*          | snapshot epoch server_seq outcomes client_known              *)
(*          `settles` is a sequence of [client, seq]; `outcomes` of        *)
(*          [seq, verdict, server_seq], verdict "accepted" or "refused".   *)
(*                                                                         *)
(* What is abstract: `changes` is the set of places a mutation or delta    *)
(* touches; two conflict exactly if the sets meet.  Documents, versions,   *)
(* ids, infos and reject codes only pass through and are left out.  A      *)
(* number that is not there is None.                                       *)
(*                                                                         *)
(* Mutant = "none" is the machine.  Any other value removes one guard; the *)
(* values are those compared with `Mutant` below.                          *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANT Mutant

None == -1
Idle == [kind |-> "idle"]

\* --- state.py --------------------------------------------------------------

Position(epoch, server_seq) == [epoch |-> epoch, server_seq |-> server_seq]

AtMost(left, right) ==
    \/ left.epoch < right.epoch
    \/ (left.epoch = right.epoch /\ left.server_seq <= right.server_seq)

Max(left, right) == IF AtMost(left, right) THEN right ELSE left

Start(confirmed, counter) ==
    [confirmed |-> confirmed, heard |-> confirmed,
     reserved |-> counter, generated |-> counter, registered |-> counter,
     pending |-> <<>>, told |-> <<>>, buffer |-> <<>>,
     requested |-> None, broken |-> FALSE, port |-> Idle]

CoordinatorInit == Start(Position(0, 0), 0)

NeedsResync(state) == state.broken \/ state.heard.epoch > state.confirmed.epoch

Entries(list) == {list[i] : i \in DOMAIN list}

Seqs(list) == {list[i].seq : i \in DOMAIN list}

IsPending(state, seq) == seq \in Seqs(state.pending)

Find(state, seq) == CHOOSE p \in Entries(state.pending) : p.seq = seq

IsAcked(state, seq) == \E p \in Entries(state.pending) : p.seq = seq /\ p.acked # None

\* The entries whose client_seq is in the set, in their order.
RECURSIVE Those(_, _)
Those(list, seqs) ==
    IF list = <<>> THEN <<>>
    ELSE (IF list[1].seq \in seqs THEN <<Head(list)>> ELSE <<>>) \o Those(Tail(list), seqs)

\* The list, sorted by client_seq, with one more entry in its place.
RECURSIVE Inserted(_, _)
Inserted(list, entry) ==
    IF list = <<>> THEN <<entry>>
    ELSE IF entry.seq < list[1].seq THEN <<entry>> \o list
    ELSE <<Head(list)>> \o Inserted(Tail(list), entry)

RECURSIVE Sorted(_)
Sorted(list) == IF list = <<>> THEN <<>> ELSE Inserted(Sorted(Tail(list)), Head(list))

RECURSIVE Reversed(_)
Reversed(list) == IF list = <<>> THEN <<>> ELSE Reversed(Tail(list)) \o <<Head(list)>>

Shown(state) == Those(state.pending, {p.seq : p \in {q \in Entries(state.pending) : ~q.withheld}})

Without(state, seq) ==
    [state EXCEPT !.pending = Those(state.pending, Seqs(state.pending) \ {seq})]

Updated(state, changed) ==
    [state EXCEPT !.pending =
        [i \in DOMAIN state.pending |->
            IF state.pending[i].seq = changed.seq THEN changed ELSE state.pending[i]]]

\* --- sequence.py -----------------------------------------------------------

Place(confirmed, prev, server_seq) ==
    IF server_seq <= confirmed
    THEN (IF Mutant = "duplicate-applied" THEN "next" ELSE "duplicate")
    ELSE IF prev = confirmed THEN "next"
    ELSE IF prev > confirmed THEN (IF Mutant = "gap-applied" THEN "next" ELSE "gap")
    ELSE IF Mutant = "overlap-applied" THEN "next" ELSE "overlap"

\* The predecessor a delta names; None if it names none below itself.
Predecessor(config, delta) ==
    (LET prev == IF delta.prev = None /\ config.dense THEN delta.server_seq - 1 ELSE delta.prev
     IN IF 0 <= prev /\ prev < delta.server_seq THEN prev ELSE None)

\* --- settlement.py ---------------------------------------------------------

\* A step in the making: the state so far, and what there is to tell about it.
Turn(state) == [state |-> state, verdicts |-> <<>>, diags |-> <<>>]

Diag(code, seq) == [kind |-> "diag", code |-> code, seq |-> seq]

Diagnosed(turn, code, seq) == [turn EXCEPT !.diags = Append(turn.diags, Diag(code, seq))]

Acked(seq) == [kind |-> "acked", seq |-> seq]
Rejected(seq) == [kind |-> "rejected", seq |-> seq]
InDoubt(seq) == [kind |-> "in-doubt", seq |-> seq]

Verdict(effect) == IF effect.kind = "acked" THEN "confirmed" ELSE effect.kind

IsKnown(state, seq) == seq \in Seqs(state.told)

Known(state, seq) ==
    (LET told == CHOOSE t \in Entries(state.told) : t.seq = seq IN told.verdict)

\* The verdicts remembered: the newest, and those of what is still pending.
Remembered(config, state, told) ==
    (LET oldest == Len(told) - config.verdicts
     IN Those(told, {told[i].seq : i \in {j \in DOMAIN told :
                        j > oldest \/ IsPending(state, told[j].seq)}}))

\* [told-once] [settled-once]
Tell(config, turn, effect) ==
    (LET state == turn.state
         told == Inserted(state.told, [seq |-> effect.seq, verdict |-> Verdict(effect)])
     IN IF IsKnown(state, effect.seq) /\ Mutant # "told-again" THEN
            (IF Known(state, effect.seq) = Verdict(effect) THEN turn
             ELSE Diagnosed(turn, IF Known(state, effect.seq) = "in-doubt" THEN "late-verdict"
                                  ELSE "contradictory-verdict", effect.seq)) \* [first-verdict-stands]
        ELSE [turn EXCEPT !.state.told = Remembered(config, state, told),
                          !.verdicts = Append(turn.verdicts, effect)])

Judge(config, turn, effect) ==
    IF ~IsPending(turn.state, effect.seq) /\ ~IsKnown(turn.state, effect.seq)
    THEN Diagnosed(turn, "unknown-mutation", effect.seq) \* [unknown-verdict-diagnosed]
    ELSE Tell(config, turn, effect)

RECURSIVE JudgeEach(_, _, _)
JudgeEach(config, turn, labels) ==
    IF labels = <<>> THEN turn
    ELSE JudgeEach(config, Judge(config, turn, Acked(labels[1].seq)), Tail(labels))

Covered(pending, confirmed) == pending.acked # None /\ pending.acked <= confirmed.server_seq

\* The labels that name this client's mutations. [foreign-label-ignored]
RECURSIVE Mine(_, _)
Mine(config, labels) ==
    IF labels = <<>> THEN <<>>
    ELSE (IF labels[1].client = config.client \/ Mutant = "foreign-label-settles"
          THEN <<Head(labels)>> ELSE <<>>) \o Mine(config, Tail(labels))

\* What a strategy decides about one mutation: [kind, changes]. strategy.py and, for the
\* strategies an application might bring, conformance/optisync_conformance/modelcheck.
Decision(config, delta, p) ==
    (LET conflict == p.changes \cap delta.changes # {}
         keep == [kind |-> "keep", changes |-> p.changes]
         withhold == [kind |-> "withhold", changes |-> p.changes]
         rest == [kind |-> "replace", changes |-> p.changes \ delta.changes]
     IN CASE config.strategy = "client-wins" -> keep
          [] config.strategy = "server-wins" -> (IF p.withheld \/ conflict THEN withhold ELSE keep)
          [] config.strategy = "rebase" -> (IF p.sent \/ ~conflict THEN keep ELSE rest)
          [] config.strategy = "withhold-once" -> (IF conflict THEN withhold ELSE keep)
          [] config.strategy = "replace-any" -> (IF conflict THEN rest ELSE keep))

\* [strategy-decides-each]
Decide(turn, pending, decision) ==
    (CASE decision.kind = "keep" ->
            [turn EXCEPT !.state = Updated(turn.state, [pending EXCEPT !.withheld = FALSE])]
       [] decision.kind = "withhold" ->
            [turn EXCEPT !.state = Updated(turn.state, [pending EXCEPT !.withheld = TRUE])]
       [] decision.kind = "replace" /\ pending.sent -> \* [replace-only-unsent]
            Diagnosed(turn, "replace-sent", pending.seq)
       [] decision.kind = "replace" /\ ~pending.sent ->
            [turn EXCEPT !.state = Updated(turn.state,
                [pending EXCEPT !.withheld = FALSE, !.changes = decision.changes])])

RECURSIVE DecideEach(_, _, _, _)
DecideEach(config, turn, delta, undecided) ==
    IF undecided = <<>> THEN turn
    ELSE DecideEach(config,
            Decide(turn, Head(undecided), Decision(config, delta, Head(undecided))),
            delta, Tail(undecided))

Resolve(config, turn, delta) ==
    (LET undecided == Those(turn.state.pending,
                        {p.seq : p \in {q \in Entries(turn.state.pending) : q.acked = None}})
     IN IF config.strategy = "raises" \* [strategy-raises-keeps]
        THEN Diagnosed(turn, "strategy-raised", None)
        ELSE DecideEach(config, turn, delta, undecided))

\* What a delta retires: what it labels, and what was acknowledged at or below it.
Retired(pending, mine, confirmed) ==
    {p.seq : p \in {q \in Entries(pending) :
        \/ (q.seq \in Seqs(mine) /\ Mutant # "label-keeps-pending")
        \/ Covered(q, confirmed)}}

Moved(turn, mine, confirmed) ==
    [turn EXCEPT !.state.confirmed = confirmed,
                 !.state.pending = Those(turn.state.pending,
                    Seqs(turn.state.pending) \ Retired(turn.state.pending, mine, confirmed))]

\* Whatever the delta changes, also nothing. [label-settles] [empty-delta-settles]
CommitDelta(config, turn, delta) ==
    (LET mine == Mine(config, delta.settles)
     IN Resolve(config,
            Moved(JudgeEach(config, turn, mine), mine, Position(delta.epoch, delta.server_seq)),
            delta))

\* What the snapshot's outcomes say about one number: the last that names it; None is none.
RECURSIVE OutcomeOf(_, _)
OutcomeOf(outcomes, seq) ==
    IF outcomes = <<>> THEN [verdict |-> "none"]
    ELSE IF outcomes[Len(outcomes)].seq = seq THEN outcomes[Len(outcomes)]
    ELSE OutcomeOf(SubSeq(outcomes, 1, Len(outcomes) - 1), seq)

\* What the snapshot makes of one pending mutation: the turn, and what is kept (<<>>: it is gone).
Outcome(config, turn, snapshot, forgotten, entry) ==
    (LET outcome == OutcomeOf(snapshot.outcomes, entry.seq)
     IN CASE outcome.verdict = "accepted" -> \* [snapshot-outcomes-settle]
                [turn |-> Tell(config, turn, Acked(entry.seq)),
                 kept |-> <<[entry EXCEPT !.acked = outcome.server_seq, !.withheld = FALSE]>>]
          [] outcome.verdict = "refused" ->
                (IF entry.acked # None \* [first-verdict-stands]
                 THEN [turn |-> Diagnosed(turn, "contradictory-verdict", entry.seq),
                       kept |-> <<entry>>]
                 ELSE [turn |-> Tell(config, turn, Rejected(entry.seq)), kept |-> <<>>])
          [] outcome.verdict = "none" ->
                (IF forgotten /\ entry.sent
                 THEN [turn |-> Tell(config, turn, InDoubt(entry.seq)), \* [client-unknown-in-doubt]
                       kept |-> <<>>]
                 ELSE [turn |-> turn, \* [snapshot-keeps-pending]
                       kept |-> IF Mutant = "snapshot-drops-pending" THEN <<>> ELSE <<entry>>]))

RECURSIVE OutcomeEach(_, _, _, _, _)
OutcomeEach(config, turn, snapshot, reborn, entries) ==
    IF entries = <<>> THEN [turn |-> turn, left |-> <<>>]
    ELSE (LET confirmed == Position(snapshot.epoch, snapshot.server_seq)
              entry == IF reborn /\ Mutant # "dead-ack-stays" \* [dead-epoch-ack-returns]
                       THEN [Head(entries) EXCEPT !.acked = None] ELSE Head(entries)
              forgotten == reborn /\ ~snapshot.client_known
              one == Outcome(config, turn, snapshot, forgotten, entry)
              more == OutcomeEach(config, one.turn, snapshot, reborn, Tail(entries))
              here == IF one.kept # <<>> /\ Covered(Head(one.kept), confirmed)
                      THEN <<>> ELSE one.kept
          IN [turn |-> more.turn, left |-> here \o more.left])

\* The newest position that the snapshot or one of its outcomes names. [ack-reveals-gap]
Newest(snapshot) ==
    (LET accepted == {o \in Entries(snapshot.outcomes) : o.verdict = "accepted"}
         named == {snapshot.server_seq} \cup {o.server_seq : o \in accepted}
     IN Position(snapshot.epoch, CHOOSE n \in named : \A m \in named : m <= n))

CommitSnapshot(config, turn, snapshot) ==
    (LET state == turn.state
         confirmed == Position(snapshot.epoch, snapshot.server_seq)
         reborn == confirmed.epoch > state.confirmed.epoch
         each == OutcomeEach(config, turn, snapshot, reborn, state.pending)
     IN [each.turn EXCEPT !.state =
            [each.turn.state EXCEPT
                !.confirmed = confirmed,
                !.heard = Max(state.heard, Newest(snapshot)),
                !.pending = each.left,
                !.buffer = IF reborn THEN <<>> ELSE state.buffer,
                !.requested = IF reborn THEN None ELSE state.requested,
                !.broken = FALSE]])

Commit(config, turn) ==
    (LET port == turn.state.port
         freed == [turn EXCEPT !.state.port = Idle]
     IN IF port.kind = "delta" THEN CommitDelta(config, freed, port)
        ELSE CommitSnapshot(config, freed, port))

\* --- plan.py ---------------------------------------------------------------

\* [client-seq-durable]
Counter(before, after) ==
    IF after.reserved = before.reserved THEN <<>>
    ELSE <<[kind |-> "store-counter", upto |-> after.reserved]>>

RECURSIVE Common(_, _)
Common(old, new) ==
    IF old = <<>> \/ new = <<>> THEN 0
    ELSE IF old[1].seq # new[1].seq \/ old[1].changes # new[1].changes THEN 0
    ELSE 1 + Common(Tail(old), Tail(new))

RECURSIVE After(_, _)
After(list, count) == IF count = 0 THEN list ELSE After(Tail(list), count - 1)

Undos(list) ==
    (LET last == Reversed(list)
     IN [i \in DOMAIN last |-> [kind |-> "undo", seq |-> last[i].seq]])

Redos(list) ==
    [i \in DOMAIN list |-> [kind |-> "redo", seq |-> list[i].seq, changes |-> list[i].changes]]

\* Undo n..k, redo what is left. [plan-equals-fold]
Replan(before, after, given) ==
    (LET old == IF given.kind = "applied" THEN <<>> ELSE Shown(before)
         new == Shown(after)
         same == Common(old, new)
     IN IF given.kind = "register" THEN <<>>
        ELSE Undos(After(old, same)) \o Redos(After(new, same)))

Flipped(before, p) == \E q \in Entries(before.pending) : q.seq = p.seq /\ q.withheld # p.withheld

RECURSIVE Flips(_, _)
Flips(before, entries) ==
    IF entries = <<>> THEN <<>>
    ELSE (LET p == Head(entries)
              kind == IF p.withheld THEN "suspended" ELSE "resumed"
          IN (IF Flipped(before, p) THEN <<[kind |-> kind, seq |-> p.seq]>> ELSE <<>>)
             \o Flips(before, Tail(entries)))

\* [callback-order]
Notices(before, given, turn) ==
    (LET after == turn.state
         loaded == given.kind = "applied" /\ given.ok /\ before.port.kind = "snapshot"
         same == after.pending = before.pending /\ after.confirmed = before.confirmed
     IN Sorted(turn.verdicts) \o Flips(before, after.pending) \o turn.diags
        \o (IF same /\ ~loaded THEN <<>> ELSE <<[kind |-> "changed"]>>)) \* [one-change]

\* One delta a step. [drain-one-step-each]
RECURSIVE TakeNext(_, _)
TakeNext(config, state) ==
    IF state.port # Idle \/ state.buffer = <<>> THEN state
    ELSE (LET first == Head(state.buffer)
              popped == [state EXCEPT !.buffer = Tail(state.buffer)]
              where == Place(state.confirmed.server_seq, Predecessor(config, first),
                             first.server_seq)
          IN CASE where = "duplicate" -> TakeNext(config, popped) \* [duplicate-delta-ignored]
               [] where = "next" -> [popped EXCEPT !.port = first] \* [next-delta-applies]
               [] where = "gap" -> state \* [gap-buffers]
               [] where = "overlap" -> \* [overlap-resyncs]
                    TakeNext(config, [popped EXCEPT !.broken = TRUE]))

\* [delta-verbatim]
HandOut(before, after) ==
    IF after.port = Idle \/ after.port = before.port THEN <<>>
    ELSE Undos(Shown(after))
         \o (IF after.port.kind = "delta" THEN <<[kind |-> "apply", delta |-> after.port]>>
             ELSE <<[kind |-> "load", snapshot |-> after.port]>>)

Missing(state, again) ==
    IF state.buffer # <<>> THEN \* [gap-requests]
        (IF state.buffer[1].prev = None THEN state.buffer[1].server_seq - 1
         ELSE state.buffer[1].prev)
    ELSE IF again /\ state.heard.server_seq > state.confirmed.server_seq
    THEN state.heard.server_seq \* [head-reveals-gap] [ack-reveals-gap]
    ELSE None

\* Ask the server for what is missing: once, and once more at each tick; what a snapshot answered
\* a delta held back that overlaps it asks anew. [one-request] [overlap-resyncs]
Ask(before, between, after, again) ==
    (LET confirmed == after.confirmed.server_seq
         over == after.requested # None /\ (again \/ after.requested <= confirmed)
         open == IF over THEN None ELSE after.requested
         upto == Missing(after, again)
     IN IF NeedsResync(after) THEN
            [state |-> [after EXCEPT !.requested = None],
             effects |-> IF NeedsResync(before) /\ NeedsResync(between) /\ ~again THEN <<>>
                         ELSE <<[kind |-> "resync"]>>]
        ELSE IF after.port # Idle THEN [state |-> after, effects |-> <<>>]
        ELSE IF upto = None \/ open # None THEN
            [state |-> [after EXCEPT !.requested = open], effects |-> <<>>]
        ELSE [state |-> [after EXCEPT !.requested = upto],
              effects |-> <<[kind |-> "request", after |-> confirmed, upto |-> upto]>>])

\* --- step.py ---------------------------------------------------------------

\* Why the input is refused; "" if it is not. [error-codes]
Guard(config, state, given) ==
    IF state.port # Idle /\ given.kind \notin {"applied", "generate"}
    THEN "port-busy" \* [port-busy]
    ELSE (CASE given.kind = "applied" -> (IF state.port = Idle THEN "port-idle" ELSE "") \* [port-idle]
            [] given.kind = "register" ->
                (IF ~(state.registered < given.seq /\ given.seq <= state.generated)
                 THEN "client-seq-order" \* [client-seq-order]
                 ELSE IF Len(state.pending) >= config.pending
                 THEN "queue-full" ELSE "") \* [queue-full]
            [] given.kind \in {"sent", "abandon"} ->
                (IF ~IsPending(state, given.seq) THEN "unknown-mutation" \* [unknown-mutation]
                 ELSE IF given.kind = "abandon" /\ IsAcked(state, given.seq)
                 THEN "already-accepted" ELSE "") \* [already-accepted]
            [] given.kind = "ack" -> \* [ack-without-position]
                (IF given.server_seq = None /\ config.variant # "seed-literal"
                 THEN "ack-without-position" ELSE "")
            [] given.kind = "delta" -> \* [delta-malformed]
                (IF Predecessor(config, given) = None THEN "delta-malformed" ELSE "")
            [] OTHER -> "")

\* [client-seq-grows] [client-seq-durable]
Generate(config, state) ==
    (LET number == state.generated + 1
     IN [state EXCEPT !.generated = number,
                      !.reserved = IF number > state.reserved THEN state.reserved + config.block
                                   ELSE state.reserved])

MarkSent(state, seq) == Updated(state, [Find(state, seq) EXCEPT !.sent = TRUE])

\* The mutation it names and no other. [ack-individual]
AckPending(config, turn, ack) ==
    (LET state == turn.state
         pending == Find(state, ack.seq)
         at == IF ack.server_seq = None THEN state.confirmed.server_seq ELSE ack.server_seq
         told == Tell(config, turn, Acked(ack.seq))
     IN IF pending.acked # None THEN \* [first-verdict-stands]
            (IF pending.acked = at THEN turn
             ELSE Diagnosed(turn, "contradictory-verdict", ack.seq))
        ELSE IF at <= state.confirmed.server_seq \/ Mutant = "ack-drops-overlay"
        THEN [told EXCEPT !.state = Without(told.state, ack.seq)] \* [covered-ack-retires]
        ELSE [told EXCEPT !.state = Updated(told.state, \* [ack-keeps-overlay]
                [pending EXCEPT !.acked = at, !.withheld = FALSE])])

Ack(config, turn, ack) ==
    IF IsPending(turn.state, ack.seq) THEN AckPending(config, turn, ack)
    ELSE Judge(config, turn, Acked(ack.seq))

\* [rollback-is-removal]
Rollback(state, seq) ==
    IF Mutant = "reject-drops-later"
    THEN [state EXCEPT !.pending = Those(state.pending, {n \in Seqs(state.pending) : n < seq})]
    ELSE Without(state, seq)

Reject(config, turn, reject) ==
    (LET state == turn.state
     IN IF ~IsPending(state, reject.seq) \/ IsAcked(state, reject.seq)
        THEN Judge(config, turn, Rejected(reject.seq)) \* [first-verdict-stands]
        ELSE Tell(config, [turn EXCEPT !.state = Rollback(state, reject.seq)],
                  Rejected(reject.seq)))

RECURSIVE Waiting(_, _)
Waiting(list, delta) ==
    IF list = <<>> THEN <<delta>>
    ELSE IF delta.server_seq < list[1].server_seq THEN <<delta>> \o list
    ELSE <<Head(list)>> \o Waiting(Tail(list), delta)

\* Where a delta goes when it arrives: to the host, among those held back, or nowhere.
Buffer(config, state, delta) ==
    (LET where == Place(state.confirmed.server_seq, Predecessor(config, delta), delta.server_seq)
         held == Waiting(state.buffer, delta)
         most == IF Len(held) > config.buffer THEN config.buffer ELSE Len(held)
     IN CASE where = "next" -> [state EXCEPT !.port = delta] \* [next-delta-applies]
          [] where = "overlap" -> [state EXCEPT !.broken = TRUE] \* [overlap-resyncs]
          [] where = "gap" ->
                (IF delta.server_seq \in {d.server_seq : d \in Entries(state.buffer)}
                 THEN state
                 ELSE [state EXCEPT !.buffer = SubSeq(held, 1, most)]) \* [gap-buffer-bounded]
          [] where = "duplicate" -> state) \* [duplicate-delta-ignored]

\* [failed-apply-resyncs]
ApplyFailed(turn) ==
    Diagnosed([turn EXCEPT !.state.port = Idle, !.state.broken = TRUE], "apply-failed", None)

\* Messages that speak of one epoch: an older one is dead, a newer one must be fetched.
CurrentEpoch(config, turn, given) ==
    (LET state == turn.state
         seq == IF given.kind = "reject" THEN 0
                ELSE IF given.server_seq = None THEN 0 ELSE given.server_seq
         heard == Max(state.heard, Position(given.epoch, seq))
         aware == [turn EXCEPT !.state.heard = heard]
     IN IF given.epoch < state.confirmed.epoch /\ Mutant # "dead-epoch-heard"
        THEN turn \* [lower-epoch-ignored]
        ELSE IF given.epoch > state.confirmed.epoch THEN aware \* [higher-epoch-resyncs]
        ELSE (CASE given.kind = "ack" -> Ack(config, aware, given)
                [] given.kind = "reject" -> Reject(config, aware, given)
                [] given.kind = "delta" ->
                    [aware EXCEPT !.state = Buffer(config, aware.state, given)]
                [] given.kind = "head" -> aware)) \* [head-reveals-gap]

Transition(config, turn, given) ==
    (LET state == turn.state
     IN CASE given.kind = "generate" -> [turn EXCEPT !.state = Generate(config, state)]
          [] given.kind = "register" ->
                [turn EXCEPT !.state.registered = given.seq,
                             !.state.pending = Append(state.pending,
                                [seq |-> given.seq, changes |-> given.changes,
                                 sent |-> given.sent, withheld |-> FALSE, acked |-> None])]
          [] given.kind = "sent" -> [turn EXCEPT !.state = MarkSent(state, given.seq)]
          [] given.kind = "abandon" -> \* [abandoned-is-in-doubt]
                Tell(config, [turn EXCEPT !.state = Without(state, given.seq)],
                     InDoubt(given.seq))
          [] given.kind = "applied" ->
                (IF given.ok THEN Commit(config, turn) ELSE ApplyFailed(turn))
          [] given.kind = "tick" -> turn
          [] given.kind = "snapshot" -> \* [snapshot-never-goes-back]
                (IF \/ AtMost(state.confirmed, Position(given.epoch, given.server_seq))
                    \/ Mutant = "snapshot-goes-back"
                 THEN [turn EXCEPT !.state.port = given] ELSE turn)
          [] OTHER -> CurrentEpoch(config, turn, given))

Effects(before, given, turn, after, questions) ==
    Counter(before, after) \o Replan(before, turn.state, given) \o Notices(before, given, turn)
    \o HandOut(before, after) \o questions

Answer(before, given, turn, asked) ==
    [state |-> asked.state, error |-> "",
     effects |-> Effects(before, given, turn, asked.state, asked.effects)]

Accept(config, before, given, turn) ==
    Answer(before, given, turn,
           Ask(before, turn.state, TakeNext(config, turn.state), given.kind = "tick"))

Refuse(before, error) == [state |-> before, effects |-> <<>>, error |-> error]

\* The next state and the ordered effects; or the same state and one error.
Step(config, before, given) ==
    IF Guard(config, before, given) # ""
    THEN Refuse(before, Guard(config, before, given)) \* [refusal-changes-nothing]
    ELSE Accept(config, before, given, Transition(config, Turn(before), given))
==============================================================================
