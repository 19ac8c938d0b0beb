------------------------------ MODULE ExactlyOnce ------------------------------
(***************************************************************************)
(* What an outbox amounts to: writes that take effect at most once each,   *)
(* in the order of their entity and after what they need, and of which     *)
(* each gets one verdict, a true one.  No queue, leases, messages or       *)
(* crashes: those are the business of OutboxSystem, which refines this     *)
(* module (OutboxRefines) in its scopes of one epoch.                      *)
(*                                                                         *)
(* Writes are numbered as the application made them.  `Precedes` says      *)
(* which must be over before another takes effect, `Needs` which must have *)
(* taken effect.                                                           *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS Writes, Precedes(_, _), Needs(_, _)

VARIABLES
    written,  \* how many writes the application made
    log,      \* those that took effect, in order
    refused,  \* those that never will
    told      \* for each write the set of verdicts told to the application

vars == <<written, log, refused, told>>

Verdicts == {"accepted", "refused", "in-doubt"}
Done == {log[i] : i \in DOMAIN log}

Init ==
    /\ written = 0
    /\ log = <<>>
    /\ refused = {}
    /\ told = [w \in Writes |-> {}]

Write ==
    /\ written + 1 \in Writes
    /\ written' = written + 1
    /\ UNCHANGED <<log, refused, told>>

Over(w) == w \in Done \cup refused \/ "in-doubt" \in told[w]

\* At most once; in order, but for what the application gave up waiting for.
Execute(w) ==
    /\ w <= written /\ w \notin Done \cup refused
    /\ \A v \in Writes : /\ Precedes(v, w) => Over(v)
                         /\ Needs(v, w) => v \in Done
    /\ log' = Append(log, w)
    /\ UNCHANGED <<written, refused, told>>

Refuse(w) ==
    /\ w <= written /\ w \notin Done \cup refused
    /\ refused' = refused \cup {w}
    /\ UNCHANGED <<written, log, told>>

\* Verdicts are true, and the first is the only one. What was never sent is refused on the spot.
Tell(news) ==
    /\ \A w \in Writes : \/ told'[w] = told[w]
                         \/ told[w] = {} /\ w <= written /\ \E v \in news : told'[w] = {v}
    /\ \A w \in Writes : "accepted" \in told'[w] => w \in Done
    /\ \A w \in Writes : "refused" \in told'[w] => w \in refused'
    /\ refused \subseteq refused' /\ refused' \cap Done = {}
    /\ \A w \in Writes : w \in refused' => w \in refused \/ told'[w] = {"refused"}
    /\ UNCHANGED <<written, log>>

Next ==
    \/ Write
    \/ \E w \in Writes : Execute(w)
    \/ \E w \in Writes : Refuse(w)
    \/ Tell(Verdicts)

Spec == Init /\ [][Next]_vars
===============================================================================
