------------------------------ MODULE Counter ------------------------------
EXTENDS CounterBase, Sequences
VARIABLE log

vars == <<n, log>>
Init == n = 0 /\ log = <<>>

Count == Up /\ log' = Append(log, [op |-> "up", from |-> n])
Undo ==
  /\ Down
  /\ log' = IF log = <<>> THEN <<>> ELSE Tail(log)
Reset == n = Limit /\ n' = 0 /\ log' = <<>>
Never == n > Limit + 5 /\ UNCHANGED vars
Halt == Mutant = "halt" /\ n = 1 /\ n' = Limit + 2 /\ UNCHANGED log

Next == Count \/ Undo \/ Reset
NextNever == Next \/ Never
NextHalt == Count \/ Halt
Spec == Init /\ [][Next]_vars
Live == Spec /\ WF_vars(Next)

Short == Len(log) <= 3
TypeOK == n \in 0..(Limit + 2)
Bounded == n <= Limit
SmallSteps == [][n' = n + 1 \/ n' = n - 1 \/ n = Limit]_vars
Moves == <>(n = 1)
Comes == []<>(n = Limit)
Stays == <>[](n = 0)
=============================================================================
