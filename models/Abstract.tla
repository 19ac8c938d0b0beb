------------------------------- MODULE Abstract -------------------------------
(***************************************************************************)
(* What all of it amounts to: a serial log of accepted mutations, and      *)
(* clients each of which sees a prefix of the log followed by what it      *)
(* wrote and has not seen settled.  No messages, no verdicts under way, no *)
(* gaps: those are the business of Sequencing, which refines this module   *)
(* (SequencingRefines).                                                    *)
(*                                                                         *)
(* A restore starts a new epoch: a log that begins with a prefix of the    *)
(* old one.  Logs of past epochs stay, for clients that still look at them.*)
(*                                                                         *)
(* Bounds: Clients with MaxSeq mutations each, MaxForeign mutations of     *)
(* writers outside, MaxEpoch epochs.                                       *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Clients, MaxSeq, MaxForeign, MaxEpoch, Mutant

ASSUME /\ Clients \subseteq 1..8
       /\ {MaxSeq, MaxForeign} \subseteq 0..9 /\ MaxEpoch \in 1..9

VARIABLES
    logs,     \* for each epoch the accepted mutations, in order
    refused,  \* for each epoch the refused ones
    written,  \* how many mutations each client wrote
    place,    \* where each client is: [epoch, n], the first n of that epoch's log
    waiting,  \* what each client wrote and has not seen settled, in its order
    view,     \* what each client sees
    denied    \* mutations whose writer was told that they are refused

vars == <<logs, refused, written, place, waiting, view, denied>>

Outside == 9
Id(client, number) == 10 * client + number
Foreigners == {Id(Outside, n) : n \in 1..MaxForeign}
Ids == {Id(c, n) : c \in Clients, n \in 1..MaxSeq} \cup Foreigners
Wrote(c) == {Id(c, n) : n \in 1..written[c]}

Members(list) == {list[i] : i \in 1..Len(list)}
First(list, n) == [i \in 1..n |-> list[i]]
Less(list, ids) == SelectSeq(list, LAMBDA id : id \notin ids)

Now == Len(logs)
Sees(at, own) == First(logs[at.epoch], at.n) \o own

Init ==
    /\ logs = <<(<<>>)>>
    /\ refused = <<{}>>
    /\ written = [c \in Clients |-> 0]
    /\ place = [c \in Clients |-> [epoch |-> 1, n |-> 0]]
    /\ waiting = [c \in Clients |-> <<>>]
    /\ view = [c \in Clients |-> <<>>]
    /\ denied = {}

\* Shown from the moment it is written.
Write(c) ==
    /\ written[c] < MaxSeq
    /\ written' = [written EXCEPT ![c] = written[c] + 1]
    /\ waiting' = [waiting EXCEPT ![c] = Append(waiting[c], Id(c, written[c] + 1))]
    /\ view' = [view EXCEPT ![c] = Append(view[c], Id(c, written[c] + 1))]
    /\ UNCHANGED <<logs, refused, place, denied>>

Undecided(id) == id \notin Members(logs[Now]) \cup refused[Now]

\* The server decides what a client wrote only in an epoch that the client has reached: a refusal
\* that a restore has forgotten could otherwise still be told, and the mutation be accepted.
Exists(id) == \/ id \in Foreigners
              \/ \E c \in Clients : /\ id \in Wrote(c)
                                    /\ place[c].epoch = Now \/ Mutant = "decided-ahead"

\* At most once in a log, and never after its writer was told that it is refused.
Accept(id) ==
    /\ Exists(id)
    /\ Undecided(id) \/ Mutant = "accepted-twice"
    /\ id \notin denied
    /\ logs' = [logs EXCEPT ![Now] = Append(logs[Now], id)]
    /\ UNCHANGED <<refused, written, place, waiting, view, denied>>

Refuse(id) ==
    /\ Exists(id) /\ Undecided(id)
    /\ refused' = [refused EXCEPT ![Now] = refused[Now] \cup {id}]
    /\ UNCHANGED <<logs, written, place, waiting, view, denied>>

\* Back to a moment of the past. Which refusals are forgotten does not follow from the log.
Restore(n, kept) ==
    /\ Now < MaxEpoch
    /\ n <= Len(logs[Now]) /\ kept \subseteq refused[Now]
    /\ logs' = Append(logs, First(logs[Now], n))
    /\ refused' = Append(refused, kept)
    /\ UNCHANGED <<written, place, waiting, view, denied>>

Forward(from, to) == \/ from.epoch < to.epoch
                     \/ from.epoch = to.epoch /\ from.n <= to.n

\* A client moves on, never back. What the log now shows leaves `waiting`, and so does what was
\* refused; of some of that its writer is told.
MoveTo(c, epoch, n, gone, heard) ==
    /\ n <= Len(logs[epoch])
    /\ Forward(place[c], [epoch |-> epoch, n |-> n])
    /\ gone \subseteq refused[epoch] \cap Members(waiting[c])
    /\ heard \subseteq gone
    /\ (LET shown == Members(First(logs[epoch], n))
            rest == Less(waiting[c], shown \cup gone)
            at == [epoch |-> epoch, n |-> n]
        IN /\ place' = [place EXCEPT ![c] = at]
           /\ waiting' = [waiting EXCEPT ![c] = rest]
           /\ view' = [view EXCEPT ![c] = Sees(at, rest)])
    /\ denied' = denied \cup heard
    /\ UNCHANGED <<logs, refused, written>>

Lengths == 0..Cardinality(Ids)
Observe(c) ==
    \E epoch \in 1..Now : \E n \in Lengths : \E gone \in SUBSET Wrote(c) :
        \E heard \in SUBSET gone : MoveTo(c, epoch, n, gone, heard)

\* Abandoned, or lost in a crash: no longer shown, and perhaps accepted later.
GiveUp(c) ==
    \E ids \in SUBSET Members(waiting[c]) :
        /\ ids # {}
        /\ waiting' = [waiting EXCEPT ![c] = Less(waiting[c], ids)]
        /\ view' = [view EXCEPT ![c] = Sees(place[c], Less(waiting[c], ids))]
        /\ UNCHANGED <<logs, refused, written, place, denied>>

Next ==
    \/ \E c \in Clients : Write(c)
    \/ \E id \in Ids : Accept(id)
    \/ \E id \in Ids : Refuse(id)
    \/ \E n \in Lengths : \E kept \in SUBSET Ids : Restore(n, kept)
    \/ \E c \in Clients : Observe(c)
    \/ \E c \in Clients : GiveUp(c)

Spec == Init /\ [][Next]_vars

-------------------------------------------------------------------------------
TypeOK ==
    /\ \A e \in 1..Now : Members(logs[e]) \subseteq Ids /\ refused[e] \subseteq Ids
    /\ \A c \in Clients :
          /\ place[c].epoch \in 1..Now
          /\ place[c].n \in 0..Len(logs[place[c].epoch])
          /\ Members(waiting[c]) \subseteq Wrote(c)
    /\ denied \subseteq Ids

\* Nothing is seen twice. [acked-data-once]
ONCE == \A c \in Clients : Cardinality(Members(view[c])) = Len(view[c])

\* What a client sees: a prefix of the log, then its own. [view-is-fold]
PREFIX_THEN_OWN == \A c \in Clients : view[c] = Sees(place[c], waiting[c])

\* What was refused to its writer's knowledge is in no later log. [rejected-is-definite]
DENIED_IS_FINAL == \A id \in denied : id \notin Members(logs[Now])
===============================================================================
