---------------------------- MODULE Alignment_laws ----------------------------
(***************************************************************************)
(* What holds of every exchange, whatever came back.  The module           *)
(* Alignment_exchange extends this one with an alphabet of entries and     *)
(* answers and names these laws for it.  They do not mention Said, Claims  *)
(* or Settled: what an answer says is stated anew here.                    *)
(*                                                                         *)
(* Run is Step: checked with `Run <- Step`, because TLC's coverage, which  *)
(* follows every path of definitions, does not end when it looks into it.  *)
(***************************************************************************)
EXTENDS Alignment

CONSTANT Run(_, _, _)

VARIABLE s

Ops == WriteOps(s.outgoing)
Aligned == Align(Ops, s.answers)

\* Every entry once, in its order: so no two writes of an entity change places either.
\* [grouping-keeps-order]
RECURSIVE Concatenated(_)
Concatenated(ops) == IF ops = <<>> THEN <<>> ELSE ops[1].entries \o Concatenated(Tail(ops))
OrderLaw == Concatenated(Ops) = s.outgoing
EntityLaw ==
    (LET all == Concatenated(Ops)
         OfA(e) == e.entity = "a"
     IN SelectSeq(all, OfA) = SelectSeq(s.outgoing, OfA))

\* An operation ends where resource or options change, and nowhere else.
\* [group-consecutive] [only-kind-divides] [options-on-the-op]
Kind(e) == <<e.resource, e.options>>
GroupLaw ==
    /\ \A i \in DOMAIN Ops : \A e \in Entries(Ops[i].entries) :
          Kind(e) = <<Ops[i].resource, Ops[i].options>>
    /\ \A i \in 1..(Len(Ops) - 1) : Kind(Ops[i].entries[1]) # Kind(Ops[i + 1].entries[1])

\* [alignment-total]
TotalLaw ==
    /\ Len(Aligned.results) = Len(s.outgoing)
    /\ \A i \in DOMAIN s.outgoing : Aligned.results[i].id = s.outgoing[i].id

\* Whether an answer says this of an entry: by its id, or by the id of its operation that failed.
\* [align-by-entry-id] [failed-op-speaks-for-its-entries] [definite-rejects]
Says(answer, e, outcome) ==
    \/ /\ answer.kind = "done"
       /\ \E i \in DOMAIN answer.results :
             answer.results[i].id = e.id /\ answer.results[i].outcome = outcome
    \/ /\ answer.kind = "failed" /\ answer.op \in DOMAIN Ops
       /\ e \in Entries(Ops[answer.op].entries)
       /\ outcome = IF answer.error.definite
                    THEN [Nothing EXCEPT !.kind = "refused", !.code = answer.error.code]
                    ELSE [Nothing EXCEPT !.after = answer.error.after]
Outcomes ==
    {Nothing} \cup {[Nothing EXCEPT !.kind = "refused", !.code = "no"]}
    \cup {[Nothing EXCEPT !.after = a.error.after] : a \in {b \in Entries(s.answers) :
                                                           b.kind = "failed"}}
    \cup {[Nothing EXCEPT !.kind = "refused", !.code = a.error.code] :
            a \in {b \in Entries(s.answers) : b.kind = "failed"}}
    \cup UNION {{a.results[i].outcome : i \in DOMAIN a.results} :
            a \in {b \in Entries(s.answers) : b.kind = "done"}}
SaidOf(e) == {o \in Outcomes : \E a \in Entries(s.answers) : Says(a, e, o)}

\* An entry hears what is said of it, if it is one thing; else that nobody knows.
\* [missing-unknown] [equal-results-one] [results-differ]
OwnLaw ==
    \A i \in DOMAIN s.outgoing :
        (LET said == SaidOf(s.outgoing[i])
         IN Aligned.results[i].outcome =
                IF Cardinality(said) = 1 THEN CHOOSE o \in said : TRUE ELSE Nothing)

\* In whatever order answers come, and how often: the same. [align-by-entry-id]
Reversed(list) == [i \in DOMAIN list |-> list[Len(list) + 1 - i]]
Same(answers) ==
    (LET again == Align(Ops, answers)
     IN /\ again.results = Aligned.results
        /\ Entries(again.diagnostics) = Entries(Aligned.diagnostics))
PermutedLaw == Same(Reversed(s.answers))
DoubledLaw == Same(s.answers \o s.answers)

\* An answer less: what is still told as a verdict is no other one. [malformed-spares-others]
IsVerdict(outcome) == outcome.kind # "unknown"
LossLaw ==
    \A k \in DOMAIN s.answers :
        (LET left == Align(Ops, SubSeq(s.answers, 1, k - 1)
                                \o SubSeq(s.answers, k + 1, Len(s.answers)))
         IN \A i \in DOMAIN s.outgoing :
                (/\ IsVerdict(left.results[i].outcome)
                 /\ IsVerdict(Aligned.results[i].outcome))
                => left.results[i] = Aligned.results[i])

\* What was not asked is told, and so is what differs. [result-unasked] [op-unasked]
\* [results-differ]
Diagnosed(code, id) == Diag(code, id) \in Entries(Aligned.diagnostics)
StrangerLaw ==
    /\ \A a \in Entries(s.answers) : a.op \notin DOMAIN Ops => Diagnosed("op-unasked", "")
    /\ \A a \in {b \in Entries(s.answers) : b.kind = "done"} : \A i \in DOMAIN a.results :
          (\A e \in Entries(s.outgoing) : e.id # a.results[i].id)
          => Diagnosed("result-unasked", a.results[i].id)
    /\ \A e \in Entries(s.outgoing) :
          Cardinality(SaidOf(e)) > 1 <=> Diagnosed("results-differ", e.id)
===============================================================================
