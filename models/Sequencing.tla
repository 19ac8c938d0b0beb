------------------------------ MODULE Sequencing ------------------------------
(***************************************************************************)
(* Several coordinators and one authority over a network that may do       *)
(* anything but invent messages.  The client rules are those of the module *)
(* Coordinator: every client here runs its Step.  The rules of the server  *)
(* are below, under the names of reference/optisync/server.                *)
(*                                                                         *)
(* The network is one set for each client, and it only grows: whatever the *)
(* server has ever sent may arrive at any time, in any order, any number   *)
(* of times, or never.  That is every channel with loss, duplication and   *)
(* reordering at once, with no bound, so no bound can hide anything.  Most *)
(* of that set follows from the server's history, and is not stored: the   *)
(* verdict of every decision, every delta of every epoch (also several in  *)
(* one, up to MaxSpan), every head, and a snapshot of every past moment,   *)
(* with documents that may lag behind its outcomes by Lag positions.       *)
(* Requests are a set that only grows, too (`requests`).                   *)
(*                                                                         *)
(* Documents are sequences of mutation ids, each id unique, so that a      *)
(* double display is a count of 2 and a flicker a count of 0.              *)
(*                                                                         *)
(* With Asks = FALSE a client's questions are left out of the state: what  *)
(* they are answered with may arrive unasked anyhow.  With Asks = TRUE the *)
(* only messages that are sure to arrive in the end are heads, answers to  *)
(* questions repeated for ever, and verdicts of writes sent again for ever *)
(* (LiveNext, and the fairness of Live): that is for CONVERGENCE.          *)
(*                                                                         *)
(* Not modelled: what changes do to documents (Rollback does that),        *)
(* conflict strategies and failing applies (Coordinator, Rollback), floors *)
(* and a server that forgets a client, compaction, versions and            *)
(* compare-and-set (any submit may be refused here, for any reason),       *)
(* several streams, a bounded queue, blocks of reserved numbers, a durable *)
(* queue (a crash loses what is pending; the Outbox is not built yet).     *)
(*                                                                         *)
(* Bounds: Clients with MaxSeq mutations each, MaxForeign mutations of     *)
(* clients outside, MaxEpoch epochs.  Scopes and states: manifest.toml.    *)
(***************************************************************************)
EXTENDS Coordinator

CONSTANTS Clients, MaxSeq, MaxForeign, MaxEpoch, MaxBuffer, MaxSpan, Lag, Silent,
          Snapshots, Abandons, Crashes, Gate, Asks

ASSUME /\ Clients \subseteq 1..8
       /\ {MaxSeq, MaxForeign, MaxEpoch, MaxBuffer, MaxSpan} \subseteq 0..9
       /\ MaxBuffer >= 1 /\ MaxEpoch >= 1
       /\ {Snapshots, Abandons, Crashes, Gate, Asks} \subseteq BOOLEAN

VARIABLES
    history,   \* for each epoch what the server decided, in order
    requests,  \* every submit ever sent
    machine,   \* for each client its coordinator
    docs,      \* for each client its confirmed documents: ids of mutations
    question,     \* for each client its question under way ("" is none)
    written,   \* how many mutations each client wrote
    settled,      \* for each client and mutation the verdicts given to the application
    lost       \* mutations that were pending when their client crashed

vars == <<history, requests, machine, docs, question, written, settled, lost>>

Outside == 9 \* the client id of whoever is not modelled
Id(client, number) == 10 * client + number
Writer(id) == id \div 10
Number(id) == id % 10
AllIds == {Id(c, n) : c \in Clients, n \in 1..MaxSeq} \cup {Id(Outside, n) : n \in 1..MaxForeign}

Only(list, ids) == SelectSeq(list, LAMBDA id : id \in ids)
SetOf(list) == {list[i] : i \in 1..Len(list)}
CountOf(list, id) == Cardinality({i \in 1..Len(list) : list[i] = id})

-------------------------------------------------------------------------------
(* The server.  A decision is [client, seq, id, ok]; what it accepted is    *)
(* the stream, dense from 1; what it decided is the idempotency table.      *)
(* A restore goes back to a moment of the past, documents and table         *)
(* together.                                                                *)

Epoch == Len(history)

\* What was accepted, in one order: the number is the place. [one-total-order]
LogOf(decisions) == SelectSeq(decisions, LAMBDA d : d.ok)
Ids(log) == [i \in 1..Len(log) |-> log[i].id]
FirstOf(list, n) == [i \in 1..n |-> list[i]]
PartOf(list, after, upto) == [i \in 1..(upto - after) |-> list[after + i]]

DecidedFor(decisions, client, seq) ==
    \E i \in 1..Len(decisions) : decisions[i].client = client /\ decisions[i].seq = seq

\* What an id stands for in a document: nothing, if its client's change is not visible here.
Visible(ids) == SelectSeq(ids, LAMBDA id : id \notin Silent)

Accepted(epoch) == SetOf(Ids(LogOf(history[epoch])))
Refused(epoch) == {history[epoch][i].id : i \in {j \in 1..Len(history[epoch]) : ~history[epoch][j].ok}}

\* --- what it sends ----------------------------------------------------------

\* Decision i of an epoch, as the message to its client.
VerdictOf(epoch, i) ==
    (LET decision == history[epoch][i]
         at == Len(LogOf(FirstOf(history[epoch], i)))
     IN IF decision.ok
        THEN [kind |-> "ack", epoch |-> epoch, seq |-> decision.seq, server_seq |-> at]
        ELSE [kind |-> "reject", epoch |-> epoch, seq |-> decision.seq])

\* Labelled with every mutation in it, also one that changes nothing.
\* [every-accepted-mutation-is-covered]
DeltaOf(epoch, prev, server_seq) ==
    (LET log == PartOf(LogOf(history[epoch]), prev, server_seq)
     IN [kind |-> "delta", epoch |-> epoch, server_seq |-> server_seq, prev |-> prev,
         changes |-> SetOf(Ids(log)), ids |-> Visible(Ids(log)),
         settles |-> [i \in 1..Len(log) |-> [client |-> log[i].client, seq |-> log[i].seq]]])

IsSent(epoch, prev, server_seq) ==
    Mutant = "silent-not-covered"
    => Visible(Ids(PartOf(LogOf(history[epoch]), prev, server_seq))) # <<>>

HeadOf(epoch) ==
    [kind |-> "head", epoch |-> epoch, server_seq |-> Len(LogOf(history[epoch]))]

\* The outcomes of one client among decisions. [snapshot-has-outcomes]
RECURSIVE OutcomesIn(_, _, _)
OutcomesIn(decisions, client, i) ==
    IF i > Len(decisions) THEN <<>>
    ELSE (LET d == decisions[i]
              here == [seq |-> d.seq, verdict |-> IF d.ok THEN "accepted" ELSE "refused",
                       server_seq |-> Len(LogOf(FirstOf(decisions, i)))]
          IN (IF d.client = client THEN <<here>> ELSE <<>>) \o OutcomesIn(decisions, client, i + 1))

\* As of the moment when the server had made `moment` decisions.
SnapshotOf(client, epoch, moment, server_seq) ==
    [kind |-> "snapshot", epoch |-> epoch, server_seq |-> server_seq, client_known |-> TRUE,
     docs |-> Visible(Ids(FirstOf(LogOf(history[epoch]), server_seq))),
     outcomes |-> IF Mutant = "snapshot-without-outcomes" THEN <<>>
                  ELSE OutcomesIn(FirstOf(history[epoch], moment), client, 1)]

\* --- what it does -----------------------------------------------------------

\* One decision for each mutation, in the epoch that the request speaks of.
\* [submit-once] [request-epoch]
Execute(request, ok) ==
    /\ request.epoch = Epoch \/ Mutant = "request-of-any-epoch"
    /\ ~DecidedFor(history[Epoch], request.client, request.seq) \/ Mutant = "executed-twice"
    /\ history' = [history EXCEPT ![Epoch] = Append(history[Epoch],
            [client |-> request.client, seq |-> request.seq, id |-> request.id, ok |-> ok])]
    /\ UNCHANGED <<requests, machine, docs, question, written, settled, lost>>

Serve(request) == \E ok \in BOOLEAN : Execute(request, ok)
Submit == \E request \in requests : Serve(request)

\* Somebody else writes. What of theirs is refused changes nothing here.
Elsewhere(n) ==
    /\ ~DecidedFor(history[Epoch], Outside, n)
    /\ \A m \in 1..(n - 1) : DecidedFor(history[Epoch], Outside, m)
    /\ Execute([client |-> Outside, seq |-> n, id |-> Id(Outside, n), epoch |-> Epoch], TRUE)

\* Documents and verdicts together. [table-restored-with-documents]
Restore(moment) ==
    /\ Epoch < MaxEpoch
    /\ moment <= Len(history[Epoch])
    /\ history' = Append(history, FirstOf(history[Epoch], moment))
    /\ UNCHANGED <<requests, machine, docs, question, written, settled, lost>>

-------------------------------------------------------------------------------
(* A client: the coordinator, its host, and a transport that sends what is  *)
(* pending and not accepted in the epoch the client is in.                  *)

Config(c) == [client |-> c, variant |-> "labelled", dense |-> FALSE, pending |-> 9,
              buffer |-> MaxBuffer, verdicts |-> 9, block |-> 1, strategy |-> "client-wins"]

\* Only questions depend on these three; nothing does where questions are left out.
Quiet(state) ==
    IF Asks THEN state
    ELSE [state EXCEPT !.heard = state.confirmed, !.requested = None, !.broken = FALSE]

\* A pending mutation carries its id as the place it changes.
IdOf(entry) == CHOOSE id \in entry.changes : TRUE
PendingIds(state) == [i \in 1..Len(state.pending) |-> IdOf(state.pending[i])]

View(c) == docs[c] \o Visible(PendingIds(machine[c]))

\* The host's documents after it applied what the port holds.
Hosted(held, state) ==
    IF state.port.kind = "snapshot" THEN state.port.docs
    ELSE IF Mutant = "delta-altered" /\ state.pending # <<>> \* [delta-verbatim]
    THEN held \o SelectSeq(state.port.ids, LAMBDA id : id \in SetOf(PendingIds(state)))
    ELSE held \o state.port.ids

\* Runs to completion: the host answers what it is handed before anything else happens.
\* [port-busy] [drain-one-step-each]
Hosting(c, done, w) ==
    [state |-> done.state, docs |-> Hosted(w.docs, w.state), effects |-> w.effects \o done.effects]
RECURSIVE RunToEnd(_, _)
RunToEnd(c, w) ==
    IF w.state.port = Idle THEN w
    ELSE RunToEnd(c, Hosting(c, Step(Config(c), w.state, [kind |-> "applied", ok |-> TRUE]), w))

Begun(c, done) == [state |-> done.state, docs |-> docs[c], effects |-> done.effects]
Taken(c, given) == RunToEnd(c, Begun(c, Step(Config(c), machine[c], given)))

Verdicts == {"acked", "rejected", "in-doubt"}

\* The verdicts among effects, laid to those given before. A verdict is about the mutation that is
\* pending under that number, or was.
NumberOf(state, seq) == IF IsPending(state, seq) THEN Number(IdOf(Find(state, seq))) ELSE seq
Telling(given, n, kind) == [given EXCEPT ![n] = Append(given[n], kind)]
Heard(given, state, e) ==
    IF e.kind \in Verdicts THEN Telling(given, NumberOf(state, e.seq), e.kind) ELSE given
RECURSIVE Tellings(_, _, _)
Tellings(given, state, effects) ==
    IF effects = <<>> THEN given
    ELSE Tellings(Heard(given, state, Head(effects)), state, Tail(effects))

\* The last question among effects.
Later(before, e) == IF e.kind \in {"request", "resync"} THEN e.kind ELSE before
RECURSIVE Question(_, _)
Question(before, effects) ==
    IF effects = <<>> THEN before ELSE Question(Later(before, Head(effects)), Tail(effects))

\* Numbers are sent in order where Gate is on: none before the one in front of it is decided.
MaySend(state, i) ==
    Gate /\ Mutant # "gate-open" => \A j \in 1..(i - 1) : state.pending[j].acked # None
Sends(c, state) ==
    {[client |-> c, seq |-> state.pending[i].seq, id |-> IdOf(state.pending[i]),
      epoch |-> state.confirmed.epoch] :
        i \in {j \in 1..Len(state.pending) : state.pending[j].acked = None /\ MaySend(state, j)}}

Become(c, w, before) ==
    /\ machine' = [machine EXCEPT ![c] = Quiet(w.state)]
    /\ docs' = [docs EXCEPT ![c] = w.docs]
    /\ question' = [question EXCEPT ![c] = IF Asks THEN Question(before, w.effects) ELSE ""]
    /\ settled' = [settled EXCEPT ![c] = Tellings(settled[c], machine[c], w.effects)]
    /\ requests' = requests \cup Sends(c, w.state)

Receive(c, given) ==
    /\ Become(c, Taken(c, given), question[c])
    /\ UNCHANGED <<history, written, lost>>

\* --- what the application does ------------------------------------------------

\* The next number, and a mutation under it. [client-seq-grows]
Registered(c, done) ==
    Begun(c, Step(Config(c), done.state,
                  [kind |-> "register", seq |-> done.state.generated, sent |-> TRUE,
                   changes |-> {Id(c, written[c] + 1)}]))
Write(c) ==
    /\ written[c] < MaxSeq
    /\ written' = [written EXCEPT ![c] = written[c] + 1]
    /\ Become(c, Registered(c, Step(Config(c), machine[c], [kind |-> "generate"])), question[c])
    /\ UNCHANGED <<history, lost>>

Abandon(c) ==
    /\ Abandons
    /\ \E i \in 1..Len(machine[c].pending) :
          Receive(c, [kind |-> "abandon", seq |-> machine[c].pending[i].seq])

\* A crash of a client that keeps documents, position and counter, but no queue.
\* [client-seq-durable]
CounterOf(state) == IF Mutant = "counter-from-queue" THEN 0 ELSE state.reserved
Crash(c) ==
    /\ Crashes
    /\ machine[c].pending # <<>>
    /\ lost' = lost \cup SetOf(PendingIds(machine[c]))
    /\ Become(c, [state |-> Start(machine[c].confirmed, CounterOf(machine[c])),
                  docs |-> docs[c], effects |-> <<>>], "")
    /\ UNCHANGED <<history, written>>

\* --- what arrives ---------------------------------------------------------------

\* The verdict of any decision of any epoch.
ReadBy(c, message) ==
    IF Mutant = "verdict-of-any-epoch" /\ message.epoch < machine[c].confirmed.epoch
    THEN [message EXCEPT !.epoch = machine[c].confirmed.epoch] ELSE message
TakeVerdict(c, epoch, i) ==
    /\ history[epoch][i].client = c
    /\ Receive(c, ReadBy(c, VerdictOf(epoch, i)))

ArriveVerdict(c) ==
    \E epoch \in 1..Epoch : \E i \in 1..Len(history[epoch]) : TakeVerdict(c, epoch, i)

ArriveDelta(c) ==
    \E epoch \in 1..Epoch : \E prev \in 0..(Len(LogOf(history[epoch])) - 1) : \E span \in 1..MaxSpan :
        /\ prev + span <= Len(LogOf(history[epoch]))
        /\ IsSent(epoch, prev, prev + span)
        /\ Receive(c, DeltaOf(epoch, prev, prev + span))

TakeSnapshot(c, epoch, moment, lag) ==
    (LET head == Len(LogOf(FirstOf(history[epoch], moment)))
     IN /\ lag <= head
        /\ Receive(c, SnapshotOf(c, epoch, moment, head - lag)))

ArriveSnapshot(c) ==
    /\ Snapshots
    /\ \E epoch \in 1..Epoch : \E moment \in 0..Len(history[epoch]) : \E lag \in 0..Lag :
          TakeSnapshot(c, epoch, moment, lag)

Steps == 0..(Cardinality(Clients) * MaxSeq + MaxForeign)
Epochs == 1..MaxEpoch

Next ==
    \/ Submit
    \/ \E n \in 1..MaxForeign : Elsewhere(n)
    \/ \E moment \in Steps : Restore(moment)
    \/ \E c \in Clients : Write(c)
    \/ \E c \in Clients : Abandon(c)
    \/ \E c \in Clients : Crash(c)
    \/ \E c \in Clients : ArriveVerdict(c)
    \/ \E c \in Clients : ArriveDelta(c)
    \/ \E c \in Clients : ArriveSnapshot(c)

Init ==
    /\ history = <<(<<>>)>>
    /\ requests = {}
    /\ machine = [c \in Clients |-> Start(Position(1, 0), 0)]
    /\ docs = [c \in Clients |-> <<>>]
    /\ question = [c \in Clients |-> ""]
    /\ written = [c \in Clients |-> 0]
    /\ settled = [c \in Clients |-> [n \in 1..MaxSeq |-> <<>>]]
    /\ lost = {}

-------------------------------------------------------------------------------
(* Questions and answers, for CONVERGENCE.                                  *)

\* The head of the stream, repeated. [head-repeated]
ArriveHead(c) ==
    /\ (IF Mutant = "head-ignored" THEN UNCHANGED <<machine, docs, question, settled, requests>>
        ELSE Become(c, Taken(c, HeadOf(Epoch)), question[c])) \* [head-reveals-gap]
    /\ UNCHANGED <<history, written, lost>>

\* The retry interval passed. [one-request]
Retry(c) ==
    /\ Mutant = "asked-only-once" => machine[c].requested = None
    /\ Receive(c, [kind |-> "tick"])

LoseQuestion(c) ==
    /\ question[c] # ""
    /\ question' = [question EXCEPT ![c] = ""]
    /\ UNCHANGED <<history, requests, machine, docs, written, settled, lost>>

\* The answer arrives: a snapshot; or the first of the missing deltas, the rest being lost; or, if
\* there is none to send, where the stream is. [request-epoch]
AnswerAt(c, at, head) ==
    IF question[c] = "resync" THEN SnapshotOf(c, Epoch, Len(history[Epoch]), head)
    ELSE IF at.epoch # Epoch \/ at.server_seq = head THEN HeadOf(Epoch)
    ELSE IF ~IsSent(Epoch, at.server_seq, at.server_seq + 1) THEN HeadOf(Epoch)
    ELSE DeltaOf(Epoch, at.server_seq, at.server_seq + 1)
ArriveAnswer(c) ==
    /\ question[c] # ""
    /\ Become(c, Taken(c, AnswerAt(c, machine[c].confirmed, Len(LogOf(history[Epoch])))), "")
    /\ UNCHANGED <<history, written, lost>>

LiveNext ==
    \/ Next
    \/ \E c \in Clients : ArriveHead(c)
    \/ \E c \in Clients : Retry(c)
    \/ \E c \in Clients : LoseQuestion(c)
    \/ \E c \in Clients : ArriveAnswer(c)

-------------------------------------------------------------------------------
(* Properties.                                                              *)

TypeOK ==
    /\ \A e \in 1..Epoch : \A i \in 1..Len(history[e]) :
          history[e][i].id \in AllIds /\ history[e][i].ok \in BOOLEAN
    /\ \A r \in requests : r.client \in Clients /\ r.id \in AllIds /\ r.epoch \in Epochs
    /\ \A c \in Clients :
          /\ machine[c].confirmed.epoch \in Epochs
          /\ machine[c].confirmed.server_seq \in Steps
          /\ machine[c].port = Idle
          /\ SetOf(docs[c]) \subseteq AllIds
          /\ question[c] \in {"", "request", "resync"}
          /\ written[c] \in 0..MaxSeq
          /\ \A n \in 1..MaxSeq : SetOf(settled[c][n]) \subseteq Verdicts
    /\ lost \subseteq AllIds

\* The confirmed documents are the stream up to the confirmed position, each delta once, in order.
\* [delta-verbatim] [duplicate-delta-ignored] [gap-buffers] [overlap-resyncs]
PREFIX ==
    \A c \in Clients :
        (LET at == machine[c].confirmed
             log == Ids(LogOf(history[at.epoch]))
         IN /\ at.server_seq <= Len(log)
            /\ docs[c] = Visible(FirstOf(log, at.server_seq)))

Wrote(c) == {Id(c, n) : n \in 1..written[c]}
Given(c, id) == SetOf(settled[c][Number(id)])

\* Accepted by the server before a restore that the client has seen.
TakenBack(c, id) ==
    /\ "acked" \in Given(c, id)
    /\ \E e \in 1..(machine[c].confirmed.epoch - 1) : id \in Accepted(e)

\* Nothing is shown twice; and what a client wrote is shown, unless there is a reason.
\* [acked-data-once]
OVERLAY ==
    \A c \in Clients :
        /\ \A id \in AllIds : CountOf(View(c), id) <= 1
        /\ \A id \in Wrote(c) :
              \/ CountOf(View(c), id) = 1
              \/ id \in Silent \/ id \in lost
              \/ {"rejected", "in-doubt"} \cap Given(c, id) # {}
              \/ id \in Refused(machine[c].confirmed.epoch)
              \/ TakenBack(c, id)

\* One verdict each, and a true one; and one effect at most.
\* [settled-once] [told-once] [submit-once] [rejected-is-definite]
SETTLED_ONCE ==
    /\ \A e \in 1..Epoch : \A id \in AllIds : CountOf(Ids(LogOf(history[e])), id) <= 1
    /\ \A c \in Clients : \A n \in 1..MaxSeq :
          /\ Len(settled[c][n]) <= 1
          /\ "acked" \in SetOf(settled[c][n]) => \E e \in 1..Epoch : Id(c, n) \in Accepted(e)
          /\ "rejected" \in SetOf(settled[c][n]) => Id(c, n) \notin Accepted(Epoch)

\* Pending mutations are in client_seq order; with the gate on, so are those accepted.
ORDER ==
    /\ \A c \in Clients : \A i \in 1..(Len(machine[c].pending) - 1) :
          machine[c].pending[i].seq < machine[c].pending[i + 1].seq
    /\ Gate => \A i \in 1..Len(LogOf(history[Epoch])) : \A j \in 1..(i - 1) :
          (LET log == LogOf(history[Epoch])
           IN log[i].client = log[j].client => log[j].seq < log[i].seq)

-------------------------------------------------------------------------------
(* The same over single steps: what no state alone can show.                *)

\* The confirmed position never goes back. [snapshot-never-goes-back]
NEVER_BACK ==
    [][\A c \in Clients : AtMost(machine[c].confirmed, machine'[c].confirmed)]_vars

\* A verdict given stays. [first-verdict-stands]
SETTLED_STAYS ==
    [][\A c \in Clients : \A n \in 1..MaxSeq :
          settled[c][n] # <<>> => settled'[c][n] = settled[c][n]]_vars

ViewOf(held, state) == held \o Visible(PendingIds(state))
RefusedIn(decisions, id) ==
    \E i \in 1..Len(decisions) : decisions[i].id = id /\ ~decisions[i].ok

\* What is visible stays visible, exactly once, until the server refused it, it was given up, or
\* a restore took back what had been confirmed.
OVERLAY_STAYS ==
    [][\A c \in Clients : \A id \in Wrote(c) :
          CountOf(View(c), id) = 1 =>
              \/ CountOf(ViewOf(docs'[c], machine'[c]), id) = 1
              \/ id \in lost' \/ "in-doubt" \in SetOf(settled'[c][Number(id)])
              \/ RefusedIn(history'[machine'[c].confirmed.epoch], id)
              \/ /\ machine'[c].confirmed.epoch > machine[c].confirmed.epoch
                 /\ id \in SetOf(docs[c])]_vars

-------------------------------------------------------------------------------
(* What must happen in the end.  Nothing is promised of a delta or an ack   *)
(* that is sent once.  A head is repeated, a question is repeated, a write  *)
(* is sent again until its verdict arrives: each of these for each client,  *)
(* and for each mutation, on its own.                                       *)
(*                                                                          *)
(* Weak fairness of an action that ends what enables it says that what      *)
(* enables it does not stay for ever; it is written so, with no ENABLED,    *)
(* which takes TLC minutes for a dozen states here.                         *)

HeadUnheard(c) ==
    /\ Mutant # "head-ignored"
    /\ ~AtMost(Position(Epoch, Len(LogOf(history[Epoch]))), machine[c].heard)

RetryDue(c) ==
    /\ Mutant = "asked-only-once" => machine[c].requested = None
    /\ question[c] = ""
    /\ \/ NeedsResync(machine[c])
       \/ machine[c].buffer # <<>>
       \/ ~AtMost(machine[c].heard, machine[c].confirmed)

Undecided(c, n) ==
    /\ ~DecidedFor(history[Epoch], c, n)
    /\ \E r \in requests : r.client = c /\ r.seq = n /\ r.epoch = Epoch

Untold(c, n) ==
    /\ machine[c].confirmed.epoch = Epoch
    /\ DecidedFor(history[Epoch], c, n)
    /\ \E i \in 1..Len(machine[c].pending) :
          machine[c].pending[i].seq = n /\ machine[c].pending[i].acked = None

\* Answers are lost again and again, but not for ever.
Asked(c) == question[c] # ""
AnswersArrive(c) == (<>[]~Asked(c)) \/ ([]<><<ArriveAnswer(c)>>_vars)

Live ==
    /\ Init
    /\ [][LiveNext]_vars
    /\ \A c \in Clients : ([]<>~HeadUnheard(c)) /\ ([]<>~RetryDue(c)) /\ AnswersArrive(c)
    /\ \A c \in Clients : \A n \in 1..MaxSeq : ([]<>~Undecided(c, n)) /\ ([]<>~Untold(c, n))

AllSettled ==
    \A c \in Clients :
        /\ machine[c].pending = <<>>
        /\ docs[c] = Visible(Ids(LogOf(history[Epoch])))

\* Writes are bounded here, so they stop; then everything is settled, for good.
CONVERGENCE == <>[]AllSettled
===============================================================================
