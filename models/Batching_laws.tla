----------------------------- MODULE Batching_laws -----------------------------
(***************************************************************************)
(* What holds of every state of a pipeline, whatever it is sent.  The      *)
(* modules Batching_<scope> extend this one with a configuration, an       *)
(* alphabet of inputs and a next-state relation, and name these laws       *)
(* TypeOK, Tickets, Order, Segments, Units, Onward, OnceDecided and        *)
(* AcceptedStays for it.                                                   *)
(*                                                                         *)
(* Run is Step: they are checked with `Run <- Step`, because TLC's         *)
(* coverage, which follows every path of definitions, does not end when it *)
(* looks into it.                                                          *)
(***************************************************************************)
EXTENDS Batching

CONSTANT Run(_, _, _)

VARIABLE s

Rises(numbers) == \A i, j \in DOMAIN numbers : i < j => numbers[i] < numbers[j]
PendingSeqs == [i \in DOMAIN s.pending |-> s.pending[i].seq]

TypeLaw ==
    /\ DOMAIN s = DOMAIN Start({}, {})
    /\ {s.epoch, s.server_seq, s.numbered, s.begun, s.now} \subseteq Nat
    /\ \A m \in Entries(s.pending) :
          m.status.kind \in {"waiting", "persisting", "enqueued", "unknown", "accepted"}
    /\ \A d \in s.docs : d.doc # NoDoc
    /\ \A d, e \in s.docs : d.entity = e.entity => d = e
    /\ \A v, w \in s.versions : v.entity = w.entity => v = w
    /\ \A t, u \in s.tickets : t.number = u.number => t = u

\* A ticket has its verdict exactly when each of its writes has one; then nobody waits. What it is
\* still owed is pending. [ticket-status] [late-await]
TicketLaw(config) ==
    /\ \A t \in s.tickets :
          /\ t.number <= s.begun
          /\ IsVerdict(t.status) <=> (t.first # None /\ t.undecided = <<>>)
          /\ IsVerdict(t.status) => t.waits = <<>>
          /\ t.status = "failed" => t.refused.seq # None
          /\ \A seq \in Entries(t.undecided) : IsPending(s, seq)
          /\ IsVerdict(t.status) <=> t.number \in Entries(s.decided)
    /\ Len(s.decided) <= config.remembered

\* In the order of the numbers; bounded; accepted writes are above the documents.
\* [number-order] [pipeline-full] [acked-until-covered]
OrderLaw(config) ==
    /\ Rises(PendingSeqs)
    /\ \A m \in Entries(s.pending) : m.seq <= s.numbered
    /\ Len(s.pending) <= config.capacity
    /\ \A m \in Entries(s.pending) :
          (IsAccepted(m) /\ m.status.server_seq # None) => m.status.server_seq > s.server_seq

\* Each write that waits is in one event or segment, each that is being persisted in one that was
\* handed over; none follows an earlier one of its entity that waits or is being persisted, unless
\* a name made the two one entity. [order-per-entity] [segments-are-runs]
SegmentLaw ==
    (LET queued == SeqsOf(s.waiting) \o SeqsOf(s.queue)
         handed == UNION {Entries(r.seqs) : r \in s.handed}
     IN /\ Rises(queued)
        /\ Entries(queued) \cap handed = {}
        /\ \A m \in Entries(s.pending) :
              /\ m.status.kind = "waiting" <=> m.seq \in Entries(queued)
              /\ m.status.kind = "persisting" => m.seq \in handed
        /\ \A m, n \in Entries(s.pending) :
              (/\ m.status.kind = "persisting" /\ n.status.kind \in {"waiting", "persisting"}
               /\ n.seq < m.seq /\ m.write.entity = n.write.entity)
              => s.aliases # {})

\* What can be taken back is in a unit; how is known exactly when the documents hold it.
\* [rejected-leaves-unit] [inverse-afresh]
UnitLaw(config) ==
    /\ \A m \in s.members :
          /\ \E h \in s.history : m.seq \in UnitSeqs(h.undo \o h.redo)
          /\ m.inverse = NoChange <=> IsPending(s, m.seq)
    /\ \A h \in s.history : h.undo # <<>> \/ h.redo # <<>>

\* Action properties. [number-order] [versions-never-down]
OnwardLaw ==
    /\ s.epoch <= s'.epoch /\ s.numbered <= s'.numbered /\ s.begun <= s'.begun
    /\ s.now <= s'.now
    /\ s.epoch = s'.epoch => s.server_seq <= s'.server_seq
    /\ s.loaded => s'.loaded
    /\ (~s'.loaded /\ s.server_seq = s'.server_seq) =>
          \A v \in s.versions : StampAtMost(v.stamp, StampOf(s', v.entity))

\* A verdict stands, and what has none yet has no more writes than before. [verdict-once]
DecidedLaw ==
    \A t \in s.tickets : \A u \in s'.tickets :
        t.number = u.number =>
            /\ IsVerdict(t.status) => u = t
            /\ t.first # None => Entries(u.undecided) \subseteq Entries(t.undecided)
            /\ t.status = "enqueued" => u.status # "pending"

\* What the server accepted is shown until the documents hold it, or another epoch begins.
\* [accepted-until-covered] [verdict-stands]
AcceptedLaw ==
    \A m \in Entries(s.pending) :
        (IsAccepted(m) /\ m.status.server_seq # None) =>
            \/ IsPending(s', m.seq)
            \/ s'.epoch > s.epoch \/ s'.server_seq >= m.status.server_seq
===============================================================================
