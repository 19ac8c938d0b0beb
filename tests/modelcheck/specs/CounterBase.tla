---------------------------- MODULE CounterBase ----------------------------
(* A counter that other modules extend; small on purpose. *)
EXTENDS Naturals
CONSTANTS Limit,    \* the counter's bound
          Mutant    \* the guard to remove, or "none"
VARIABLE n

Below == n < Limit \/ Mutant = "no-limit"
Up == Below /\ n < Limit + 2 /\ n' = n + 1
Down == n > 0 /\ n' = IF Mutant = "jump" THEN 0 ELSE n - 1
=============================================================================
