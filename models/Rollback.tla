------------------------------- MODULE Rollback -------------------------------
(***************************************************************************)
(* One client's documents, shown in two ways that must agree.              *)
(*                                                                         *)
(* The rule is the fold: what is shown is the confirmed documents with the *)
(* pending mutations applied on top in client_seq order, each wholly or    *)
(* not at all.  The cheaper way is the plan: undo n..k, redo what is left, *)
(* with inverses recorded afresh at every redo; for a delta undo n..1,     *)
(* apply, redo 1..n.  This module runs both and compares.                  *)
(*                                                                         *)
(* Modelled: two atoms; changes of one or both that depend on each other   *)
(* (an `add-k` needs the `o` of an earlier `add-o`); foreign deltas;       *)
(* verdicts in any order; abandonment (the same removal as a reject);      *)
(* settlement by labelled delta, with or without an ack before it; an ack  *)
(* that lifts a suspension; any conflict strategy (at each delta an        *)
(* arbitrary set of undecided mutations is withheld); inapplicability;     *)
(* an apply that fails; the snapshot of a restored server.                 *)
(* Not modelled: how messages arrive (Sequencing does that), `replace`     *)
(* decisions, list positions other than the end, more than one op for one  *)
(* atom in one mutation.                                                   *)
(*                                                                         *)
(* Bounds: MaxSeq mutations, each any of the five of Menu, and MaxForeign  *)
(* foreign deltas, each any of the three of Foreign.  The scopes and their *)
(* numbers of states are in manifest.toml.                                 *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS MaxSeq, MaxForeign, Strategies, Mutant

ASSUME /\ MaxSeq \in 1..4
       /\ MaxForeign \in 0..4
       /\ Strategies \in BOOLEAN
       /\ Mutant \in {"none", "only-the-rejected", "inverse-from-registration",
                      "only-its-atoms", "delta-on-top", "tail-dropped", "half-applied",
                      "never-retried", "undone-in-order"}

VARIABLES
    confirmed,  \* the documents the server confirmed
    pending,    \* client_seqs in order: neither rejected, abandoned nor covered
    withheld,   \* those of them that a strategy has put aside
    changes,    \* what each registered mutation changes, by client_seq
    fate,       \* what the server made of each, by client_seq
    foreign,    \* how many foreign deltas arrived
    view        \* the incremental consumer: its documents, and by client_seq an inverse

vars == <<confirmed, pending, withheld, changes, fate, foreign, view>>

Seqs == 1..MaxSeq

-------------------------------------------------------------------------------
(* A tiny patch language with real dependencies.  A document has a register *)
(* x, an object o that may be absent, a member k of o, and a list l.        *)

Atoms == {"A", "B"}
Empty == [o |-> FALSE, k |-> 0, x |-> 0, l |-> <<>>]
Start == [a \in Atoms |-> Empty]

Op(does, value) == [do |-> does, v |-> value]
Nothing == Op("nothing", 0)

Applies(doc, op) ==
    CASE op.do = "add-o"    -> ~doc.o
      [] op.do = "remove-o" -> doc.o
      [] op.do = "add-k"    -> doc.o /\ doc.k = 0
      [] op.do = "remove-k" -> doc.o /\ doc.k # 0
      [] op.do = "drop"     -> Len(doc.l) >= op.v
      [] OTHER              -> TRUE

Without(list, i) == [j \in 1..(Len(list) - 1) |-> IF j < i THEN list[j] ELSE list[j + 1]]

Do(doc, op) ==
    CASE op.do = "nothing"  -> doc
      [] op.do = "add-o"    -> [doc EXCEPT !.o = TRUE, !.k = op.v]
      [] op.do = "remove-o" -> [doc EXCEPT !.o = FALSE, !.k = 0]
      [] op.do = "add-k"    -> [doc EXCEPT !.k = op.v]
      [] op.do = "remove-k" -> [doc EXCEPT !.k = 0]
      [] op.do = "set-x"    -> [doc EXCEPT !.x = op.v]
      [] op.do = "append"   -> [doc EXCEPT !.l = Append(doc.l, op.v)]
      [] op.do = "drop"     -> [doc EXCEPT !.l = Without(doc.l, op.v)]

\* What takes `op` back after it was applied to `doc`. [patch-inverse]
Invert(doc, op) ==
    CASE op.do = "nothing"  -> Nothing
      [] op.do = "add-o"    -> Op("remove-o", 0)
      [] op.do = "remove-o" -> Op("add-o", doc.k)
      [] op.do = "add-k"    -> Op("remove-k", 0)
      [] op.do = "set-x"    -> Op("set-x", doc.x)
      [] op.do = "append"   -> Op("drop", Len(doc.l) + 1)

-------------------------------------------------------------------------------
(* Changes: one op for each atom.                                           *)

None == [a \in Atoms |-> Nothing]
On(atom, op) == [None EXCEPT ![atom] = op]
OnBoth(opA, opB) == [None EXCEPT !["A"] = opA, !["B"] = opB]

Touched(c) == {a \in Atoms : c[a] # Nothing}
Fitting(docs, c) == {a \in Touched(c) : Applies(docs[a], c[a])}
AllFit(docs, c) == Fitting(docs, c) = Touched(c)

ApplyOn(docs, c, atoms) == [a \in Atoms |-> IF a \in atoms THEN Do(docs[a], c[a]) ELSE docs[a]]
InvertOn(docs, c, atoms) == [a \in Atoms |-> IF a \in atoms THEN Invert(docs[a], c[a]) ELSE Nothing]

\* What mutation n may be; its number marks its effect.
Menu(n) == { On("A", Op("add-o", 0)),
             OnBoth(Op("add-k", n), Op("set-x", n)),
             On("A", Op("set-x", n)),
             On("A", Op("remove-o", 0)),
             OnBoth(Op("append", n), Op("append", n)) }

\* What other clients may do; 9 marks their effect.
Foreign == { On("A", Op("add-o", 0)),
             On("A", Op("remove-o", 0)),
             OnBoth(Op("append", 9), Op("set-x", 9)) }

-------------------------------------------------------------------------------
(* The rule: the fold.                                                      *)

Shown(seqs, aside) == SelectSeq(seqs, LAMBDA n : n \notin aside)

\* What does not apply contributes nothing, and is tried at every fold.
\* [inapplicable-stays-pending]
RECURSIVE FoldFrom(_, _, _)
FoldFrom(i, docs, seqs) ==
    IF i > Len(seqs) THEN docs
    ELSE FoldFrom(i + 1,
                  IF AllFit(docs, changes[seqs[i]])
                  THEN ApplyOn(docs, changes[seqs[i]], Atoms) ELSE docs,
                  seqs)

\* [view-is-fold] [foreign-change-visible]
Fold == FoldFrom(1, confirmed, Shown(pending, withheld))

-------------------------------------------------------------------------------
(* The plan, as the consumer of the ports Undo, Redo, Apply and Load runs   *)
(* it. `atoms` are the atoms it is carried out on: all of them.             *)

\* Where an inverse does not apply nothing happens; a right plan never gets there.
UndoOne(v, n, atoms) ==
    [v EXCEPT !.docs = ApplyOn(v.docs, v.inverse[n],
                               atoms \cap Fitting(v.docs, v.inverse[n]))]

\* All atoms of a mutation or none. [several-atoms-whole]
Reach(docs, c) == IF AllFit(docs, c) THEN Touched(c)
                  ELSE IF Mutant = "half-applied" THEN Fitting(docs, c) ELSE {}

DoOne(v, n, c, atoms) ==
    [docs    |-> ApplyOn(v.docs, c, atoms \cap Reach(v.docs, c)),
     inverse |-> [v.inverse EXCEPT ![n] = InvertOn(v.docs, c, Reach(v.docs, c))]]

\* On top of what is there, with a fresh inverse; skipped while it does not apply.
RedoOne(v, n, atoms) ==
    IF Mutant = "never-retried" /\ v.inverse[n] = None THEN v
    ELSE (LET done == DoOne(v, n, changes[n], atoms)
          IN IF Mutant = "inverse-from-registration"
             THEN [v EXCEPT !.docs = done.docs] ELSE done)

RECURSIVE UndoDown(_, _, _, _), RedoUp(_, _, _, _)
UndoDown(i, v, seqs, atoms) ==
    IF i = 0 THEN v ELSE UndoDown(i - 1, UndoOne(v, seqs[i], atoms), seqs, atoms)
RedoUp(i, v, seqs, atoms) ==
    IF i > Len(seqs) THEN v ELSE RedoUp(i + 1, RedoOne(v, seqs[i], atoms), seqs, atoms)

Reversed(seqs) == [i \in 1..Len(seqs) |-> seqs[Len(seqs) + 1 - i]]
Undo(v, seqs, atoms) ==
    UndoDown(Len(seqs), v, IF Mutant = "undone-in-order" THEN Reversed(seqs) ELSE seqs, atoms)
Redo(v, seqs, atoms) == RedoUp(1, v, seqs, atoms)

\* How many mutations at the start are shown alike in both.
Common(old, new) ==
    CHOOSE i \in 0..Len(old) :
        /\ i <= Len(new)
        /\ \A j \in 1..i : old[j] = new[j]
        /\ i < Len(old) /\ i < Len(new) => old[i + 1] # new[i + 1]
After(seqs, i) == [j \in 1..(Len(seqs) - i) |-> seqs[i + j]]
Less(seqs, others) == SelectSeq(seqs, LAMBDA n : \A i \in 1..Len(others) : others[i] # n)

\* Undo n..k, redo what is shown now, on all atoms: those of k are not enough. [plan-equals-fold]
Replan(old, new, k) ==
    (LET same == Common(old, new)
         atoms == IF Mutant = "only-its-atoms" THEN Touched(changes[k]) ELSE Atoms
         undo == IF Mutant = "only-the-rejected" THEN Less(old, new) ELSE After(old, same)
         redo == IF Mutant = "only-the-rejected" THEN Less(new, old) ELSE After(new, same)
     IN Redo(Undo(view, undo, atoms), redo, atoms))

\* What the host makes of its documents when it is handed a delta or a snapshot.
Delta(c) == [kind |-> "delta", changes |-> c]
Snapshot == [kind |-> "snapshot", changes |-> None]
Failing  == [kind |-> "failing", changes |-> None]
Host(docs, given) ==
    CASE given.kind = "delta"    -> ApplyOn(docs, given.changes, Fitting(docs, given.changes))
      [] given.kind = "snapshot" -> Start
      [] given.kind = "failing"  -> docs

\* Undo n..1, let the host apply, redo 1..n. [plan-equals-fold]
ReplanAround(old, new, given) ==
    IF Mutant = "delta-on-top" THEN [view EXCEPT !.docs = Host(view.docs, given)]
    ELSE (LET bare == Undo(view, old, Atoms)
          IN Redo([bare EXCEPT !.docs = Host(bare.docs, given)], new, Atoms))

-------------------------------------------------------------------------------
Init ==
    /\ confirmed = Start
    /\ pending = <<>>
    /\ withheld = {}
    /\ changes = [n \in Seqs |-> None]
    /\ fate = [n \in Seqs |-> "unregistered"]
    /\ foreign = 0
    /\ view = [docs |-> Start, inverse |-> [n \in Seqs |-> None]]

Members == {pending[i] : i \in 1..Len(pending)}
Undecided == {n \in Members : fate[n] = "open"}
Newest == Cardinality({n \in Seqs : fate[n] # "unregistered"})

\* What a strategy may put aside: anything the server has not decided. [strategy-decides-each]
Aside(undecided) == IF Strategies THEN SUBSET undecided ELSE {{}}

Register(n, c) ==
    /\ n = Newest + 1
    /\ pending' = Append(pending, n)
    /\ changes' = [changes EXCEPT ![n] = c]
    /\ fate' = [fate EXCEPT ![n] = "open"]
    /\ view' = DoOne(view, n, c, Atoms)
    /\ UNCHANGED <<confirmed, withheld, foreign>>

\* The overlay stays in its place, and is shown from now on. [ack-keeps-overlay]
Ack(n) ==
    /\ n \in Undecided
    /\ fate' = [fate EXCEPT ![n] = "acked"]
    /\ withheld' = withheld \ {n}
    /\ view' = Replan(Shown(pending, withheld), Shown(pending, withheld'), n)
    /\ UNCHANGED <<confirmed, pending, changes, foreign>>

\* Rejected, cancelled or abandoned: exactly n goes. [rollback-is-removal]
\* [rejection-shows-server]
Reject(n) ==
    /\ n \in Undecided
    /\ fate' = [fate EXCEPT ![n] = "gone"]
    /\ pending' = SelectSeq(pending, LAMBDA m : IF Mutant = "tail-dropped" THEN m < n ELSE m # n)
    /\ withheld' = withheld \ {n}
    /\ view' = Replan(Shown(pending, withheld), Shown(pending', withheld'), n)
    /\ UNCHANGED <<confirmed, changes, foreign>>

\* The delta that holds mutation n, and settles it: one step. [label-settles] [delta-verbatim]
Cover(n, aside) ==
    /\ n \in Members
    /\ AllFit(confirmed, changes[n])
    /\ aside \in Aside(Undecided \ {n})
    /\ confirmed' = ApplyOn(confirmed, changes[n], Atoms)
    /\ pending' = SelectSeq(pending, LAMBDA m : m # n)
    /\ fate' = [fate EXCEPT ![n] = "gone"]
    /\ withheld' = aside
    /\ view' = ReplanAround(Shown(pending, withheld), Shown(pending', aside), Delta(changes[n]))
    /\ UNCHANGED <<changes, foreign>>

\* A delta of another client.
Arrive(delta, aside) ==
    /\ foreign < MaxForeign
    /\ AllFit(confirmed, delta)
    /\ aside \in Aside(Undecided)
    /\ foreign' = foreign + 1
    /\ confirmed' = ApplyOn(confirmed, delta, Atoms)
    /\ withheld' = aside
    /\ view' = ReplanAround(Shown(pending, withheld), Shown(pending, aside), Delta(delta))
    /\ UNCHANGED <<pending, changes, fate>>

\* The host could not apply what it was handed: everything is shown again. [failed-apply-resyncs]
ApplyFails ==
    /\ view' = ReplanAround(Shown(pending, withheld), Shown(pending, withheld), Failing)
    /\ UNCHANGED <<confirmed, pending, withheld, changes, fate, foreign>>

\* The snapshot of a server restored to its beginning. Acks of its dead epoch are void.
\* [dead-epoch-ack-returns]
Load ==
    /\ confirmed # Start
    /\ confirmed' = Start
    /\ fate' = [n \in Seqs |-> IF fate[n] = "acked" THEN "open" ELSE fate[n]]
    /\ view' = ReplanAround(Shown(pending, withheld), Shown(pending, withheld), Snapshot)
    /\ UNCHANGED <<pending, withheld, changes, foreign>>

Next ==
    \/ \E n \in Seqs : \E c \in Menu(n) : Register(n, c)
    \/ \E n \in Seqs : Ack(n)
    \/ \E n \in Seqs : Reject(n)
    \/ \E n \in Seqs : \E aside \in SUBSET Seqs : Cover(n, aside)
    \/ \E delta \in Foreign : \E aside \in SUBSET Seqs : Arrive(delta, aside)
    \/ ApplyFails
    \/ Load

-------------------------------------------------------------------------------
Ops == {"nothing", "add-o", "remove-o", "add-k", "remove-k", "set-x", "append", "drop"}
IsDoc(d) == /\ d.o \in BOOLEAN /\ d.k \in 0..9 /\ d.x \in 0..9
            /\ (d.k # 0 => d.o)
            /\ \A i \in 1..Len(d.l) : d.l[i] \in 1..9
IsChange(c) == \A a \in Atoms : c[a].do \in Ops /\ c[a].v \in 0..9

TypeOK ==
    /\ \A a \in Atoms : IsDoc(confirmed[a]) /\ IsDoc(view.docs[a])
    /\ \A n \in Seqs : IsChange(changes[n]) /\ IsChange(view.inverse[n])
    /\ \A n \in Seqs : fate[n] \in {"unregistered", "open", "acked", "gone"}
    /\ withheld \subseteq Undecided
    /\ foreign \in 0..MaxForeign

\* The incremental consumer shows the fold. [plan-equals-fold]
PLAN_EQUALS_FOLD == view.docs = Fold

\* Nothing is left behind: taking everything back gives the confirmed documents. [patch-inverse]
UNDO_IS_EXACT ==
    (LET bare == Undo(view, Shown(pending, withheld), Atoms) IN bare.docs = confirmed)

\* Pending are exactly the registered mutations that nothing has ended, in order.
\* [rollback-is-removal]
EXACTLY_THE_REST ==
    pending = SelectSeq([i \in Seqs |-> i], LAMBDA n : fate[n] \in {"open", "acked"})
===============================================================================
