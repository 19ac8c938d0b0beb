----------------------------- MODULE BatchingSystem -----------------------------
(***************************************************************************)
(* A pipeline, a persistence, and a server with a stream.  The client's    *)
(* rules are those of the module Batching: the client here runs its Step.  *)
(*                                                                         *)
(* The server decides what was handed over, in any order and at any time;  *)
(* persistence answers each request at most once: with the verdicts of any *)
(* part of it, in either order, with "stored", with "failed" (then nothing *)
(* of it was or will be executed), or with nothing.  Verdicts may also     *)
(* come by themselves, at any time, again and again.  Deltas arrive in     *)
(* order, the last one perhaps again.                                      *)
(*                                                                         *)
(* Not modelled: several epochs, snapshots, backends of rows, names given  *)
(* twice, several writes in one event (all of these: Batching_<scope>).    *)
(*                                                                         *)
(* Run is Step: checked with `Run <- Step`, because TLC's coverage, which  *)
(* follows every path of definitions, does not end when it looks into it.  *)
(*                                                                         *)
(* Bounds: MaxWrites writes, on the entity "a" unless they are in OnB;     *)
(* with Creates, 1 creates "t1" and 2 mentions it; with Undoes, the last   *)
(* one is an undo.  MaxForeign writes of others on "a".                    *)
(***************************************************************************)
EXTENDS Batching

CONSTANTS MaxWrites, MaxForeign, OnB, Creates, Undoes, Refuses, Stores, Silent, Fails, Cancels,
          Abandons, Awaits, Run(_, _, _)

ASSUME /\ {MaxWrites, MaxForeign} \subseteq 0..9
       /\ {Creates, Undoes, Refuses, Stores, Silent, Fails, Cancels, Abandons, Awaits}
            \subseteq BOOLEAN

VARIABLES
    log,     \* what the server decided, in order: [seq, ok, entity, change]; seq 0 is foreign
    machine, \* the pipeline
    sent,    \* the requests that were handed over, in order: lists of [seq, entity, change]
    ended,   \* numbers that will never be executed: their request failed, or they were cancelled
    told,    \* for each write what its ticket was told, in order
    heard,   \* what the wait for the first ticket heard, in order
    waited   \* whether there was such a wait

vars == <<log, machine, sent, ended, told, heard, waited>>

Config == [client |-> "me", capacity |-> 9, history |-> 9, remembered |-> 9]
Writes == 1..MaxWrites
R(id) == [resource |-> "r", id |-> id]
FirstOf(list, n) == [i \in 1..n |-> list[i]]
Reversed(list) == [i \in DOMAIN list |-> list[Len(list) + 1 - i]]

-------------------------------------------------------------------------------
(* The server.                                                              *)

StartDocs == {[entity |-> R("a"), doc |-> [a |-> 99, b |-> ""]]}
Foreign == [seq |-> 0, ok |-> TRUE, entity |-> R("a"),
            change |-> Upsert([a |-> 50, b |-> ""], <<>>)]

IsOk(d) == d.ok
Stream == SelectSeq(log, IsOk)
IsDecided(w) == \E i \in DOMAIN log : log[i].seq = w
IsTaken(w) == \E i \in DOMAIN Stream : Stream[i].seq = w
PositionOf(w) == CHOOSE i \in DOMAIN Stream : Stream[i].seq = w

RECURSIVE DocsAfter(_, _)
DocsAfter(docs, list) ==
    IF list = <<>> THEN docs
    ELSE (LET d == Head(list)
          IN DocsAfter(PutDoc(docs, d.entity, Applied(DocOf(docs, d.entity), d.change)),
                       Tail(list)))
DocsAt(n) == DocsAfter(StartDocs, FirstOf(Stream, n))

SentEntries == UNION {Entries(sent[i]) : i \in DOMAIN sent}
Handed == {e.seq : e \in SentEntries}

\* The server knows the row that it makes under its own id.
Names == {[temporary |-> "t1", id |-> "r1"]}

\* What is stored is sent in the order of its entity, and a child after its parent.
Follows(w, entry) ==
    \/ w < entry.seq /\ \E e \in SentEntries : e.seq = w /\ e.entity = entry.entity
    \/ w = 1 /\ entry.seq = 2 /\ Creates
Queued(w) == IsPending(machine, w) => (LET m == Get(machine, w) IN m.status.kind = "enqueued")
InTurn(entry) ==
    Stores => \A w \in 1..(entry.seq - 1) :
        (Follows(w, entry) /\ Queued(w)) => IsDecided(w) \/ w \in ended

Execute(entry) ==
    /\ ~IsDecided(entry.seq) /\ entry.seq \notin ended /\ InTurn(entry)
    /\ (LET write == Rename(Write(entry.entity, entry.change, FALSE), Names)
            fits == /\ Applies(DocOf(DocsAt(Len(Stream)), write.entity), write.change)
                    /\ (Creates /\ entry.seq = 2) => (~Stores \/ IsTaken(1))
        IN \E ok \in BOOLEAN :
            /\ ok => fits
            /\ ~ok => Refuses \/ ~fits
            /\ log' = Append(log, [seq |-> entry.seq, ok |-> ok, entity |-> write.entity,
                                   change |-> write.change]))
    /\ UNCHANGED <<machine, sent, ended, told, heard, waited>>
Submit == \E entry \in SentEntries : Execute(entry)

Interfere ==
    /\ Cardinality({i \in DOMAIN log : log[i].seq = 0}) < MaxForeign
    /\ log' = Append(log, Foreign)
    /\ UNCHANGED <<machine, sent, ended, told, heard, waited>>

IdsOf(w) == IF Creates /\ w = 1 THEN <<[temporary |-> "t1", id |-> "r1"]>> ELSE <<>>

VerdictOf(w) ==
    IF IsTaken(w)
    THEN [UnknownVerdict EXCEPT !.kind = "written", !.server_seq = PositionOf(w),
                                !.version = PositionOf(w), !.ids = IdsOf(w)]
    ELSE [UnknownVerdict EXCEPT !.kind = "refused", !.code = "no"]

DeltaAt(n) ==
    (LET d == Stream[n]
         label == [client |-> "me", seq |-> d.seq, version |-> None, ids |-> IdsOf(d.seq)]
     IN [kind |-> "delta", epoch |-> 1, server_seq |-> n,
         changes |-> <<[entity |-> d.entity, change |-> d.change]>>,
         settles |-> IF d.seq = 0 THEN <<>> ELSE <<label>>])

-------------------------------------------------------------------------------
(* The client.                                                              *)

Init ==
    /\ log = <<>> /\ machine = Start(StartDocs, {})
    /\ sent = <<>> /\ ended = {} /\ heard = <<>> /\ waited = FALSE
    /\ told = [w \in Writes |-> <<>>]

IsPersist(e) == e.kind = "persist"
RequestsOf(effects) ==
    (LET persists == SelectSeq(effects, IsPersist)
     IN [i \in DOMAIN persists |->
            [j \in DOMAIN persists[i].seqs |->
                [seq |-> persists[i].seqs[j], entity |-> persists[i].entries[j].entity,
                 change |-> persists[i].entries[j].change]]])

\* The n-th ticket is that of the n-th write.
RECURSIVE ToldOf(_, _)
ToldOf(effects, w) ==
    IF effects = <<>> THEN <<>>
    ELSE (IF effects[1].kind = "told"
          THEN (IF effects[1].ticket = w THEN <<effects[1].status>> ELSE <<>>) ELSE <<>>)
         \o ToldOf(Tail(effects), w)
RECURSIVE AnswersOf(_)
AnswersOf(effects) ==
    IF effects = <<>> THEN <<>>
    ELSE (IF effects[1].kind = "answered" THEN <<effects[1].answer>> ELSE <<>>)
         \o AnswersOf(Tail(effects))

Receive(given) ==
    /\ (LET done == Run(Config, machine, given)
        IN /\ done.error = ""
           /\ machine' = done.state
           /\ sent' = sent \o RequestsOf(done.effects)
           /\ told' = [w \in Writes |-> told[w] \o ToldOf(done.effects, w)]
           /\ heard' = heard \o AnswersOf(done.effects))
    /\ UNCHANGED log

\* --- the application ---------------------------------------------------------

IdOf(w) == IF Creates /\ w = 1 THEN "t1" ELSE IF w \in OnB THEN "b" ELSE "a"
DocBy(w) == [a |-> w, b |-> IF Creates /\ w = 2 THEN "t1" ELSE ""]
Event(w) ==
    [kind |-> "write",
     write |-> Write(R(IdOf(w)), IF Creates /\ w = 1 THEN Create(DocBy(w))
                                 ELSE Upsert(DocBy(w), <<>>), Creates /\ w = 1)]
Context(w) ==
    [scope |-> "default", origin |-> IF Undoes THEN "user" ELSE "plugin", label |-> "", at |-> 0,
     action |-> [owner |-> "act", number |-> IF Undoes THEN w ELSE 0]]
Dispatching(w) ==
    [kind |-> "dispatch", event |-> Event(w), seqs |-> <<w>>, context |-> Context(w),
     persist_key |-> "", optimistic |-> TRUE, ticket |-> None]
Undoing(w) ==
    [kind |-> "revert", direction |-> "undo", seqs |-> <<w>>, scope |-> "default",
     persist_key |-> "", ticket |-> None]

Write1 ==
    /\ machine.numbered < MaxWrites
    /\ (LET w == machine.numbered + 1
        IN Receive(IF Undoes /\ w = MaxWrites THEN Undoing(w) ELSE Dispatching(w)))
    /\ UNCHANGED <<ended, waited>>

CloseWindow ==
    machine.queue # <<>> /\ Receive([kind |-> "drain"]) /\ UNCHANGED <<ended, waited>>

IsWaiting(w) == IsPending(machine, w) /\ (LET m == Get(machine, w) IN m.status.kind = "waiting")
CancelIt(w) ==
    /\ Cancels /\ IsPending(machine, w)
    /\ Receive([kind |-> "cancel", ticket |-> w])
    /\ ended' = IF IsWaiting(w) THEN ended \cup {w} ELSE ended
    /\ UNCHANGED waited
AbandonIt(w) ==
    /\ Abandons /\ IsPending(machine, w)
    /\ Receive([kind |-> "abandon", ticket |-> w]) /\ UNCHANGED <<ended, waited>>

WaitForFirst ==
    /\ Awaits /\ ~waited /\ machine.begun >= 1
    /\ Receive([kind |-> "await", wait |-> 1, ticket |-> 1, mode |-> "strict", timeout |-> None,
                on_timeout |-> "reject"])
    /\ waited' = TRUE /\ UNCHANGED ended

\* --- what comes back ---------------------------------------------------------

NoOutcome == [kind |-> "", results |-> <<>>, ids |-> <<>>, epoch |-> None, code |-> ""]
Answering(request, outcome) ==
    Receive([kind |-> "persisted", handle |-> request[1].seq, outcome |-> outcome])
IsOpen(request) == \E r \in machine.handed : r.handle = request[1].seq

\* Verdicts of a part of the request, in either order: the rest is not mentioned.
ResultsOf(request, part) ==
    (LET chosen == SelectSeq(request, LAMBDA e : e.seq \in part)
     IN [i \in DOMAIN chosen |-> [id |-> EntryId(Config, chosen[i].seq),
                                  outcome |-> VerdictOf(chosen[i].seq)]])
Verdicts1(request) ==
    \E part \in SUBSET {w \in {e.seq : e \in Entries(request)} : IsDecided(w)} :
        \E results \in {ResultsOf(request, part), Reversed(ResultsOf(request, part))} :
            /\ part = {e.seq : e \in Entries(request)} \/ Silent
            /\ Answering(request, [NoOutcome EXCEPT !.kind = "confirmed", !.epoch = 1,
                                                    !.results = results])
            /\ UNCHANGED <<ended, waited>>
Answered1 == \E i \in DOMAIN sent : IsOpen(sent[i]) /\ Verdicts1(sent[i])

Stored1 ==
    /\ Stores
    /\ \E i \in DOMAIN sent :
          /\ IsOpen(sent[i])
          /\ Answering(sent[i], [NoOutcome EXCEPT !.kind = "enqueued",
                !.ids = [j \in DOMAIN sent[i] |-> EntryId(Config, sent[i][j].seq)]])
    /\ UNCHANGED <<ended, waited>>

Failed1 ==
    /\ Fails
    /\ \E i \in DOMAIN sent :
          /\ IsOpen(sent[i]) /\ \A e \in Entries(sent[i]) : ~IsDecided(e.seq)
          /\ Answering(sent[i], [NoOutcome EXCEPT !.kind = "failed", !.code = "failed"])
          /\ ended' = ended \cup {e.seq : e \in Entries(sent[i])}
    /\ UNCHANGED waited

Silence ==
    /\ Silent
    /\ \E i \in DOMAIN sent :
          IsOpen(sent[i]) /\ Answering(sent[i], [NoOutcome EXCEPT !.kind = "no-answer"])
    /\ UNCHANGED <<ended, waited>>

ArriveVerdict(w) ==
    /\ Stores \/ Silent
    /\ w \in Handed /\ IsDecided(w) /\ IsPending(machine, w)
    /\ Receive([kind |-> "decided", id |-> EntryId(Config, w), verdict |-> VerdictOf(w),
                epoch |-> 1])
    /\ UNCHANGED <<ended, waited>>

ArriveDelta(n) ==
    /\ n \in DOMAIN Stream /\ n \in {machine.server_seq, machine.server_seq + 1}
    /\ Receive(DeltaAt(n)) /\ UNCHANGED <<ended, waited>>

Next ==
    \/ Submit \/ Interfere
    \/ Write1 \/ CloseWindow \/ WaitForFirst
    \/ \E w \in Writes : CancelIt(w)
    \/ \E w \in Writes : AbandonIt(w)
    \/ Answered1 \/ Stored1 \/ Failed1 \/ Silence
    \/ \E w \in Writes : ArriveVerdict(w)
    \/ \E n \in 1..(MaxWrites + MaxForeign) : ArriveDelta(n)

Spec == Init /\ [][Next]_vars

-------------------------------------------------------------------------------
(* What holds.                                                              *)

Given(w) == Entries(told[w])
VerdictsIn(list) == SelectSeq(list, IsVerdict)
InDocuments(w) == IsTaken(w) /\ PositionOf(w) <= machine.server_seq
Dispatched == 1..machine.numbered

TypeOK ==
    /\ \A i \in DOMAIN log : log[i].seq \in 0..MaxWrites /\ log[i].ok \in BOOLEAN
    /\ ended \subseteq Dispatched /\ Handed \subseteq Dispatched
    /\ machine.begun = machine.numbered

\* The confirmed documents are those of the server at their position. [delta-settles]
DOCUMENTS == machine.docs = DocsAt(machine.server_seq)

\* A write is shown until the documents hold it, or it came to nothing and its writer knows; never
\* beside the documents that hold it. [accepted-until-covered] [unknown-keeps] [exact-rollback]
SHOWN ==
    \A w \in Dispatched :
        IF InDocuments(w) THEN ~IsPending(machine, w)
        ELSE IsPending(machine, w) \/ Given(w) \cap {"failed", "in-doubt"} # {}

\* [verdict-once]
ONE_VERDICT ==
    /\ \A w \in Writes : Len(VerdictsIn(told[w])) <= 1 /\ Len(told[w]) <= 2
    /\ Len(heard) <= 1

\* What was told is true, and stays so.
TRUE_VERDICT ==
    \A w \in Dispatched :
        /\ "confirmed" \in Given(w) => IsTaken(w)
        /\ "failed" \in Given(w) => ~IsTaken(w)
        /\ "in-doubt" \in Given(w) => Abandons

\* Each number is handed over once, each entity once in a request. [segments-are-runs]
\* [segment-has-entity-once]
RECURSIVE Concatenated(_)
Concatenated(lists) == IF lists = <<>> THEN <<>> ELSE Head(lists) \o Concatenated(Tail(lists))
HANDED_ONCE ==
    /\ Cardinality(Handed) = Len(Concatenated(sent))
    /\ \A i \in DOMAIN sent : \A e, f \in Entries(sent[i]) :
          e.seq # f.seq => e.entity # f.entity

\* The server takes own writes of an entity in, in their order, but for what was given up.
\* [order-per-entity]
ORDER ==
    \A i, j \in DOMAIN Stream :
        (i < j /\ Stream[i].seq > 0 /\ Stream[j].seq > 0 /\ Stream[i].entity = Stream[j].entity)
        => Stream[i].seq < Stream[j].seq \/ "in-doubt" \in Given(Stream[j].seq)

\* No child reaches the server without its parent. [child-after-parent] [child-of-rejected]
PARENTED ==
    Creates => \A i \in DOMAIN Stream : Stream[i].seq = 2 => \E j \in 1..i : Stream[j].seq = 1

\* What an undo brings back was there, and was not refused. [undo-waits]
ValuesOf(change) ==
    {change.doc.a} \cup {op.doc.a : op \in Entries(change.patch)}
NO_GHOST ==
    \A i \in DOMAIN Stream :
        ValuesOf(Stream[i].change)
            \subseteq {0, 50, 99, Stream[i].seq} \cup {w \in Writes : IsTaken(w)}

\* [rejected-leaves-unit]
UNITS == \A m \in machine.members : ~(Given(m.seq) \cap {"failed", "in-doubt"} # {})

-------------------------------------------------------------------------------
(* What must happen in the end: windows close, what was handed over is       *)
(* decided, of a decision somebody hears, deltas arrive.                     *)

InNet(w) == w \in Handed /\ ~IsDecided(w) /\ w \notin ended
Unheard(w) ==
    /\ w \in Handed /\ IsPending(machine, w) /\ IsDecided(w)
    /\ (LET m == Get(machine, w) IN ~IsAccepted(m))
Behind == machine.server_seq < Len(Stream)

Live ==
    /\ Init
    /\ [][Next]_vars
    /\ []<>(machine.numbered = MaxWrites) /\ []<>(machine.queue = <<>>)
    /\ []<>~Behind /\ (Awaits => <>waited)
    /\ \A w \in Writes : ([]<>~InNet(w)) /\ (([]<>~Unheard(w)) \/ []<><<ArriveVerdict(w)>>_vars)

AllSettled ==
    /\ machine.pending = <<>> /\ (Awaits => heard # <<>>)
    /\ \A w \in Writes : VerdictsIn(told[w]) # <<>>
CONVERGENCE == <>[]AllSettled
===============================================================================
