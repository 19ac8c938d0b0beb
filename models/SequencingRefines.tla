--------------------------- MODULE SequencingRefines ---------------------------
(***************************************************************************)
(* Sequencing refines Abstract: seen through the mapping below, every step *)
(* of clients, server and network is a step of the serial log, or none.    *)
(* The scopes have no silent mutations: those are in the log of Abstract.  *)
(***************************************************************************)
EXTENDS Sequencing

ASSUME Silent = {}

Denied(c) == {Id(c, n) : n \in {m \in 1..MaxSeq : "rejected" \in SetOf(settled[c][m])}}

A == INSTANCE Abstract WITH
    logs    <- [e \in 1..Epoch |-> Ids(LogOf(history[e]))],
    refused <- [e \in 1..Epoch |-> Refused(e)],
    place   <- [c \in Clients |-> [epoch |-> machine[c].confirmed.epoch,
                                   n |-> machine[c].confirmed.server_seq]],
    waiting <- [c \in Clients |-> PendingIds(machine[c])],
    view    <- [c \in Clients |-> View(c)],
    denied  <- UNION {Denied(c) : c \in Clients}

REFINES == A!Spec
===============================================================================
