--------------------------- MODULE Coordinator_laws ---------------------------
(***************************************************************************)
(* What holds of every state of a coordinator, whatever it is sent.  The   *)
(* modules Coordinator_<scope> extend this one with a configuration, an    *)
(* alphabet of inputs and a next-state relation, and name these laws       *)
(* TypeOK, Queue, Verdicts, HeldBack, Questions and Port for it.           *)
(***************************************************************************)
EXTENDS Coordinator

VARIABLE s

IsPosition(p) == p.epoch \in Nat /\ p.server_seq \in Nat

IsEntry(p) ==
    /\ p.seq \in Nat \ {0}
    /\ p.sent \in BOOLEAN /\ p.withheld \in BOOLEAN
    /\ p.acked \in Nat \cup {None}
    /\ DOMAIN p = {"seq", "changes", "sent", "withheld", "acked"}

Ascending(numbers) == \A i, j \in DOMAIN numbers : i < j => numbers[i] < numbers[j]

SeqsOf(list) == [i \in DOMAIN list |-> list[i].seq]

TypeLaw ==
    /\ DOMAIN s = {"confirmed", "heard", "reserved", "generated", "registered", "pending",
                   "told", "buffer", "requested", "broken", "port"}
    /\ IsPosition(s.confirmed) /\ IsPosition(s.heard)
    /\ {s.reserved, s.generated, s.registered} \subseteq Nat
    /\ \A i \in DOMAIN s.pending : IsEntry(s.pending[i])
    /\ \A i \in DOMAIN s.told : s.told[i].verdict \in {"confirmed", "rejected", "in-doubt"}
    /\ \A i \in DOMAIN s.buffer : s.buffer[i].kind = "delta"
    /\ s.requested \in Nat \cup {None}
    /\ s.broken \in BOOLEAN
    /\ s.port.kind \in {"idle", "delta", "snapshot"}

\* A bounded queue in client_seq order, of registered numbers only; what is acknowledged is
\* shown, and waits for a position above the documents.
\* [client-seq-order] [queue-full] [ack-keeps-overlay] [covered-ack-retires]
QueueLaw(config) ==
    /\ s.registered <= s.generated /\ s.generated <= s.reserved
    /\ s.reserved < s.generated + config.block
    /\ Len(s.pending) <= config.pending
    /\ Ascending(SeqsOf(s.pending))
    /\ \A i \in DOMAIN s.pending :
        (LET p == s.pending[i]
         IN /\ p.seq <= s.registered
            /\ p.acked # None => (~p.withheld /\ p.acked > s.confirmed.server_seq))

\* One verdict for each mutation remembered; while one is pending it can only be an acceptance,
\* and every acknowledged one has it. [told-once]
VerdictLaw ==
    /\ Ascending(SeqsOf(s.told))
    /\ Seqs(s.told) \subseteq 1..s.registered
    /\ \A i \in DOMAIN s.pending :
        (LET p == s.pending[i]
         IN /\ IsKnown(s, p.seq) => Known(s, p.seq) = "confirmed"
            /\ p.acked # None => IsKnown(s, p.seq))

\* Deltas of this epoch beyond the documents, in order; when nothing is under way, beyond a gap.
\* [gap-buffers] [gap-buffer-bounded]
HeldBackLaw(config) ==
    /\ Len(s.buffer) <= config.buffer
    /\ Ascending([i \in DOMAIN s.buffer |-> s.buffer[i].server_seq])
    /\ \A i \in DOMAIN s.buffer :
        (LET d == s.buffer[i]
         IN /\ d.epoch = s.confirmed.epoch
            /\ AtMost(Position(d.epoch, d.server_seq), s.heard))
    /\ (s.port = Idle /\ s.buffer # <<>>) =>
            (LET first == Head(s.buffer)
             IN Place(s.confirmed.server_seq, Predecessor(config, first), first.server_seq) = "gap")

\* A request is out only for what is missing, and never beside a resync. [one-request]
QuestionLaw ==
    /\ AtMost(s.confirmed, s.heard)
    /\ s.requested # None => (~NeedsResync(s) /\ s.requested <= s.heard.server_seq)
    /\ (s.requested # None /\ s.port = Idle) => s.requested > s.confirmed.server_seq
    /\ (s.buffer # <<>> /\ s.port = Idle /\ ~NeedsResync(s)) => s.requested # None

\* What the host was handed continues the documents, or replaces them by no older ones.
\* [next-delta-applies] [overlap-resyncs] [snapshot-never-goes-back]
PortLaw(config) ==
    /\ s.port.kind = "delta" =>
            (/\ s.port.epoch = s.confirmed.epoch
             /\ Predecessor(config, s.port) = s.confirmed.server_seq)
    /\ s.port.kind = "snapshot" =>
            AtMost(s.confirmed, Position(s.port.epoch, s.port.server_seq))

\* Action properties.
\* [snapshot-never-goes-back] [client-seq-grows]
OnwardLaw ==
    /\ AtMost(s.confirmed, s'.confirmed) /\ AtMost(s.heard, s'.heard)
    /\ s.registered <= s'.registered /\ s.generated <= s'.generated
    /\ s.reserved <= s'.reserved

\* [first-verdict-stands]
FirstVerdictLaw ==
    \A n \in Seqs(s.told) \cap Seqs(s'.told) : Known(s, n) = Known(s', n)
===============================================================================
