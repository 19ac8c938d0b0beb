------------------------------- MODULE Alignment -------------------------------
(***************************************************************************)
(* Entries to operations, and answers to entries.  Written by hand under   *)
(* the names of reference/optisync/transport (WriteOps is `write_ops`,     *)
(* Align is `align`); `optisync models graph alignment` compares the two   *)
(* for every list of entries and answers of the scope.                     *)
(*                                                                         *)
(* An exchange is [outgoing, answers]: the entries that are sent, and what *)
(* came back so far.  given is `add` with an entry, or `answer` with the   *)
(* result of one operation.  A step puts out the operations, or what the   *)
(* entries hear.                                                           *)
(*                                                                         *)
(* What is abstract: an entry is its id, resource, entity and action;      *)
(* options are their names; an operation is known by its place in the      *)
(* request, a foreign one has the number 0.  What a result says is its     *)
(* kind, version, code and time to come again.                             *)
(*                                                                         *)
(* Mutant = "none" is the driver.  Any other value removes one rule.       *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANT Mutant

None == -1
Entries(list) == {list[i] : i \in DOMAIN list}
Nothing == [kind |-> "unknown", version |-> None, code |-> "", after |-> None]

\* --- grouping.py -------------------------------------------------------------

\* The action is no part of it. [options-compared-as-values] [only-kind-divides]
KindOf(entry) ==
    <<entry.resource, IF Mutant = "options-ignored" THEN "" ELSE entry.options,
      IF Mutant = "action-divides" THEN entry.action ELSE "">>

Op(entry) == [resource |-> entry.resource, options |-> entry.options, entries |-> <<entry>>]
With(op, entry) == [op EXCEPT !.entries = Append(op.entries, entry)]
Shares(op, entry) == KindOf(op.entries[1]) = KindOf(entry)

\* The mutant looks for any operation of the kind; the driver at the last one alone.
Fitting(ops, entry) ==
    {i \in DOMAIN ops : Shares(ops[i], entry) /\ (i = Len(ops) \/ Mutant = "not-consecutive")}

\* [group-consecutive] [grouping-keeps-order]
RECURSIVE Grouped(_, _)
Grouped(ops, outgoing) ==
    IF outgoing = <<>> THEN ops
    ELSE (LET entry == Head(outgoing)
              fitting == Fitting(ops, entry)
              place == CHOOSE i \in fitting : TRUE
          IN Grouped(IF fitting = {} THEN Append(ops, Op(entry))
                     ELSE [ops EXCEPT ![place] = With(ops[place], entry)], Tail(outgoing)))
WriteOps(outgoing) == Grouped(<<>>, outgoing)

\* --- alignment.py ------------------------------------------------------------

\* [definite-rejects] [indefinite-unknown]
OutcomeOf(error) ==
    IF error.definite \/ Mutant = "indefinite-rejects"
    THEN [Nothing EXCEPT !.kind = "refused", !.code = error.code]
    ELSE [Nothing EXCEPT !.after = error.after]

\* Which operation failed: by its id. [failed-op-speaks-for-its-entries]
FailedOps(ops, answer, place) ==
    IF Mutant = "failed-by-place" THEN {place} \cap DOMAIN ops
    ELSE IF Mutant = "failed-speaks-for-all" THEN DOMAIN ops
    ELSE {answer.op} \cap DOMAIN ops

\* What one answer says of entries: [id, outcome].
Said(ops, answer, place) ==
    (LET failed == FailedOps(ops, answer, place)
         op == ops[CHOOSE i \in failed : TRUE]
         all == IF Mutant = "failed-speaks-for-all"
                THEN [i \in DOMAIN ops |-> ops[i].entries[1]] ELSE op.entries
     IN IF answer.kind = "done" THEN answer.results
        ELSE IF answer.kind = "rows" \/ failed = {} THEN <<>>
        ELSE [i \in DOMAIN all |-> [id |-> all[i].id, outcome |-> OutcomeOf(answer.error)]])

RECURSIVE SaidBy(_, _, _)
SaidBy(ops, answers, i) ==
    IF i > Len(answers) THEN <<>>
    ELSE Said(ops, answers[i], i) \o SaidBy(ops, answers, i + 1)

\* The answers are one heap: which of them holds a result means nothing. [align-by-entry-id]
Holds(ops, entry, answer) ==
    \/ Mutant # "only-own-op" \/ answer.kind # "done"
    \/ answer.op \in DOMAIN ops /\ entry \in Entries(ops[answer.op].entries)
Heap(ops, entry, answers) ==
    SaidBy(ops, SelectSeq(answers, LAMBDA answer : Holds(ops, entry, answer)), 1)

OutcomesOf(list) == [i \in DOMAIN list |-> list[i].outcome]
Claims(ops, entry, place, answers) ==
    (LET heap == Heap(ops, entry, answers)
         own == SelectSeq(heap, LAMBDA said : said.id = entry.id)
     IN IF Mutant = "by-place" /\ place \in DOMAIN heap THEN <<heap[place].outcome>>
        ELSE IF own = <<>> /\ heap # <<>> /\ Mutant = "neighbour" THEN <<heap[1].outcome>>
        ELSE OutcomesOf(own))

Agree(made) == \A i, j \in DOMAIN made : made[i] = made[j]

\* [missing-unknown] [equal-results-one] [results-differ]
Settled(made) ==
    IF made = <<>>
    THEN (IF Mutant = "missing-is-ok" THEN [Nothing EXCEPT !.kind = "written"] ELSE Nothing)
    ELSE IF Mutant = "last-wins" THEN made[Len(made)]
    ELSE IF Agree(made) /\ (Len(made) = 1 \/ Mutant # "equal-results-differ") THEN made[1]
    ELSE IF Mutant = "first-wins" THEN made[1]
    ELSE Nothing

RECURSIVE EntriesIn(_)
EntriesIn(ops) == IF ops = <<>> THEN <<>> ELSE ops[1].entries \o EntriesIn(Tail(ops))

Diag(code, id) == [code |-> code, id |-> id]
Added(list, more) ==
    IF more = <<>> THEN list
    ELSE IF more[1] \in Entries(list) THEN list ELSE Append(list, more[1])

RECURSIVE Unasked(_, _, _), Strangers(_, _, _, _)
\* [result-unasked]
Unasked(list, said, ids) ==
    IF said = <<>> THEN list
    ELSE Unasked(IF said[1].id \in ids THEN list
                 ELSE Added(list, <<Diag("result-unasked", said[1].id)>>), Tail(said), ids)
\* [op-unasked]
Strangers(ops, answers, list, i) ==
    IF i > Len(answers) \/ Mutant = "strangers-untold" THEN list
    ELSE (LET foreign == answers[i].op \notin DOMAIN ops
              told == IF foreign THEN Added(list, <<Diag("op-unasked", "")>>) ELSE list
              ids == {e.id : e \in Entries(EntriesIn(ops))}
          IN Strangers(ops, answers, Unasked(told, Said(ops, answers[i], i), ids), i + 1))

\* [alignment-total]
Align(ops, answers) ==
    (LET entries == EntriesIn(ops)
         made == [i \in DOMAIN entries |-> Claims(ops, entries[i], i, answers)]
         Differs(entry) == ~Agree(OutcomesOf(SelectSeq(SaidBy(ops, answers, 1),
                                                       LAMBDA said : said.id = entry.id)))
         differing == SelectSeq(entries, Differs)
     IN [results |-> [i \in DOMAIN entries |->
                        [id |-> entries[i].id, outcome |-> Settled(made[i])]],
         diagnostics |-> Strangers(ops, answers, <<>>, 1)
                         \o [i \in DOMAIN differing |->
                                Diag("results-differ", differing[i].id)]])

\* --- one exchange ------------------------------------------------------------

Start == [outgoing |-> <<>>, answers |-> <<>>]

Step(config, before, given) ==
    (LET added == [before EXCEPT !.outgoing = Append(before.outgoing, given.entry)]
         heard == [before EXCEPT !.answers = Append(before.answers, given.answer)]
         repeated == \E e \in Entries(before.outgoing) : e.id = given.entry.id
     IN IF given.kind = "answer"
        THEN [state |-> heard, error |-> "",
              effects |-> <<Align(WriteOps(heard.outgoing), heard.answers)>>]
        ELSE IF repeated \* [entry-id-repeated]
        THEN [state |-> before, error |-> "entry-id-repeated", effects |-> <<>>]
        ELSE [state |-> added, error |-> "", effects |-> WriteOps(added.outgoing)])
===============================================================================
