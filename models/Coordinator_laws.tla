--------------------------- MODULE Coordinator_laws ---------------------------
(***************************************************************************)
(* What holds of every state of a coordinator, whatever it is sent.  The   *)
(* modules Coordinator_<scope> extend this one with a configuration, an    *)
(* alphabet of inputs and a next-state relation.                           *)
(***************************************************************************)
EXTENDS Coordinator

VARIABLE s

TypesOf(config) == TRUE
==============================================================================
