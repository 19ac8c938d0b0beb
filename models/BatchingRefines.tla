---------------------------- MODULE BatchingRefines ----------------------------
(***************************************************************************)
(* BatchingSystem refines Abstract, for one client: seen through the       *)
(* mapping below, every step of application, pipeline, persistence and     *)
(* server is a step of the serial log, or none.  A write that failed       *)
(* before the server saw it is given up there.  In scopes without children *)
(* and undo: what is rejected with another write is two steps of Abstract. *)
(***************************************************************************)
EXTENDS BatchingSystem

ASSUME ~Creates /\ ~Undoes

Mine(w) == 10 + w
ForeignBefore(i) == Cardinality({j \in 1..i : Stream[j].seq = 0})
IdAt(i) == IF Stream[i].seq = 0 THEN 90 + ForeignBefore(i) ELSE Mine(Stream[i].seq)
Own == [i \in DOMAIN machine.pending |-> Mine(machine.pending[i].seq)]
RefusedOf == {Mine(log[i].seq) : i \in {j \in DOMAIN log : ~log[j].ok}}
DeniedOf == RefusedOf \cap {Mine(w) : w \in {v \in Writes : "failed" \in Given(v)}}

A == INSTANCE Abstract WITH
    Clients  <- {1},
    MaxSeq   <- MaxWrites,
    MaxEpoch <- 1,
    logs     <- <<[i \in DOMAIN Stream |-> IdAt(i)]>>,
    refused  <- <<RefusedOf>>,
    written  <- <<machine.numbered>>,
    place    <- <<[epoch |-> 1, n |-> machine.server_seq]>>,
    waiting  <- <<Own>>,
    view     <- <<[i \in 1..machine.server_seq |-> IdAt(i)] \o Own>>,
    denied   <- DeniedOf

REFINES == A!Spec
===============================================================================
