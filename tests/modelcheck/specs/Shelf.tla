------------------------------- MODULE Shelf -------------------------------
(* A shelf of two places and a lamp: the model side of the demonstration in test_tie.py.

   s is the machine's state, out the ordered effects and the error code of the last step. *)
EXTENDS Naturals, Sequences
CONSTANT Room
VARIABLES s, out

vars == <<s, out>>
Quiet(error) == [effects |-> <<>>, error |-> error]
Init == s = [items |-> <<>>, lit |-> FALSE] /\ out = Quiet("")

Put(book) ==
  IF Len(s.items) = Room
  THEN s' = s /\ out' = Quiet("full")
  ELSE /\ s' = [s EXCEPT !.items = Append(@, book)]
       /\ out' = [effects |-> <<[kind |-> "put", book |-> book, lit |-> s.lit]>>, error |-> ""]

Take ==
  IF s.items = <<>>
  THEN s' = s /\ out' = Quiet("empty")
  ELSE /\ s' = [s EXCEPT !.items = Tail(@), !.lit = FALSE]
       /\ out' = [effects |-> (IF s.lit THEN <<"dark", Head(s.items)>> ELSE <<Head(s.items)>>),
                  error |-> ""]

Switch == s' = [s EXCEPT !.lit = ~@] /\ out' = Quiet("")

Apply(i) ==
  \/ i = 1 /\ Put("a")
  \/ i = 2 /\ Put("b")
  \/ i = 3 /\ Take
  \/ i = 4 /\ Switch

Small == Len(s.items) <= 2
=============================================================================
