------------------------------ MODULE Outbox_laws ------------------------------
(***************************************************************************)
(* What holds of every state of an outbox, whatever it is sent.  The       *)
(* modules Outbox_<scope> extend this one with a configuration, an         *)
(* alphabet of inputs and a next-state relation, and name these laws       *)
(* TypeOK, Queue, Leases, Verdicts, Bases, Reload and Saves for it.        *)
(*                                                                         *)
(* Run is Step: they are checked with `Run <- Step`, because TLC's         *)
(* coverage, which follows every path of definitions, does not end when it *)
(* looks into it.                                                          *)
(***************************************************************************)
EXTENDS Outbox

CONSTANT Run(_, _, _)

VARIABLE s

IsStatus(status) ==
    \/ status.kind = "queued" /\ status.not_before \in Nat
    \/ status.kind = "in-flight" /\ status.token \in Nat \ {0} /\ status.until \in Nat
    \/ status.kind = "acked" /\ status.server_seq \in Nat
    \/ status.kind \in {"parked", "open"}

Ascending(numbers) == \A i, j \in DOMAIN numbers : i < j => numbers[i] < numbers[j]

TypeLaw ==
    /\ DOMAIN s = {"numbers", "queue", "versions", "aliases", "doubts", "reports", "now",
                   "failures", "wait_until"}
    /\ {s.numbers.epoch, s.numbers.server_seq, s.numbers.counter, s.numbers.token,
        s.numbers.reported, s.now, s.failures, s.wait_until} \subseteq Nat
    /\ \A m \in Entries(s.queue) : m.kind \in {"item", "hole"} /\ IsStatus(m.status)
    /\ \A v \in s.versions : v.kind = "version" /\ StampAtMost(v.since, v.stamp)
    /\ \A a \in s.aliases : a.kind = "alias"

\* In the order of the numbers given out; bounded; keys, ids and what is made once each.
\* [fifo-by-number] [outbox-full] [dedupe-by-key] [entry-id-reused] [temporary-id-reused]
QueueLaw(config) ==
    /\ Ascending(SeqsOf(s.queue))
    /\ Seqs(s.queue) \subseteq 1..s.numbers.counter
    /\ Cardinality(Items(s)) <= config.capacity
    /\ \A m, n \in Items(s) :
          m.seq # n.seq =>
             /\ m.entry.key # n.entry.key /\ m.entry.id # n.entry.id
             /\ ~(MakesRow(m.entry) /\ MakesRow(n.entry) /\ m.entry.entity = n.entry.entity)
    /\ \A m \in Items(s) : m.status.kind = "acked" => m.status.server_seq > s.numbers.server_seq

\* One write of an entity is under way, under a lease that was given out and is not over; what it
\* waits for is settled. [one-in-flight-per-entity] [dependency-order] [lease-expires]
LeaseLaw ==
    /\ \A m \in Entries(s.queue) :
          m.status.kind = "in-flight" => m.status.token <= s.numbers.token /\ m.status.until > s.now
    /\ \A m, n \in Items(s) :
          (m.status.kind = "in-flight" /\ n.status.kind = "in-flight" /\ m.seq # n.seq)
          => KnownAs(s, m.entry.entity) # KnownAs(s, n.entry.entity)
    /\ \A m \in Items(s) :
          m.status.kind = "in-flight" =>
             Sent(m) /\ \A n \in Items(s) : n.seq \in m.after => n.status.kind = "acked"

\* One verdict for each number; of one in the queue it can only be an acceptance.
\* [verdict-reported] [first-settlement-stands]
VerdictLaw ==
    /\ Ascending([i \in DOMAIN s.reports |-> s.reports[i].number])
    /\ \A q, r \in Entries(s.reports) : q.seq = r.seq => q = r
    /\ \A m \in Items(s) : \A r \in Entries(s.reports) :
          r.seq = m.seq => m.told /\ r.verdict.kind = "accepted"

\* No update or delete is sent without a version. [base-unknown]
BaseLaw ==
    \A m \in Items(s) :
        (Sent(m) /\ m.entry.change.kind \in {"update", "delete"}) => m.base # NoStamp

\* What a process that ends leaves behind: a new life over it is as one over the whole state.
\* [lease-ends-at-restart] [direct-write-is-gated]
Left(state) ==
    (LET kept == SelectSeq([i \in DOMAIN state.queue |-> Stored(state.queue[i])],
                           LAMBDA row : row.kind # "gone")
     IN [Reborn(state) EXCEPT !.queue = kept])
ReloadLaw(config) ==
    (LET restart == [kind |-> "restart"]
         live == Run(config, s, restart)
         loaded == Run(config, Left(s), restart)
     IN live.state = loaded.state
        /\ SelectSeq(live.effects, LAMBDA e : e.kind # "save")
            = SelectSeq(loaded.effects, LAMBDA e : e.kind # "save"))

\* The rows that a step saves make of the stored state before it the one after it.
\* [saved-before-effects]
RECURSIVE WithRows(_, _)
WithRows(state, rows) ==
    IF rows = <<>> THEN state ELSE WithRows(WithRow(state, Head(rows)), Tail(rows))
SavedRows(effects) ==
    IF effects = <<>> THEN <<>>
    ELSE IF effects[1].kind = "save" THEN effects[1].rows ELSE <<>>
SaveLaw(done) == WithRows(Left(s), SavedRows(done.effects)) = Left(done.state)

\* Action properties. [cursor-never-back] [number-durable] [watermark-retires-overlays]
OnwardLaw ==
    (LET old == s.numbers
         new == s'.numbers
     IN /\ old.counter <= new.counter /\ old.token <= new.token /\ old.reported <= new.reported
        /\ old.epoch <= new.epoch
        /\ old.epoch = new.epoch =>
              old.server_seq <= new.server_seq /\ old.watermark <= new.watermark)

\* [content-fixed-at-first-send]
FixedLaw ==
    \A m \in Items(s) : \A n \in Items(s') :
        (m.seq = n.seq /\ Sent(m)) =>
            m.entry = n.entry /\ m.base = n.base /\ m.first = n.first
===============================================================================
