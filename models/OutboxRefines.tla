----------------------------- MODULE OutboxRefines -----------------------------
(***************************************************************************)
(* OutboxSystem refines ExactlyOnce: seen through the mapping below, every *)
(* step of application, outbox, network and server is a step of the        *)
(* writes that take effect once, or none.  In scopes of one epoch: a       *)
(* restore takes back what took effect.                                    *)
(***************************************************************************)
EXTENDS OutboxSystem

ASSUME MaxEpoch = 1

Own(log) == SelectSeq([i \in 1..Len(log) |-> log[i].id], LAMBDA id : id \in Writes)
RefusedToldOf == {w \in Writes : "refused" \in Given(w)}

E == INSTANCE ExactlyOnce WITH
    written  <- written,
    log      <- Own(LogOf(history[1])),
    refused  <- RefusedIn(1) \cup RefusedToldOf,
    told     <- [w \in Writes |-> Given(w)],
    Precedes <- Before,
    Needs    <- NeedsOf

REFINES == E!Spec
===============================================================================
