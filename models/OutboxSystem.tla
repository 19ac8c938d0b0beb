------------------------------ MODULE OutboxSystem ------------------------------
(***************************************************************************)
(* An outbox, its store, a server, and a network that may do anything but  *)
(* invent messages.  The client rules are those of the module Outbox: the  *)
(* client here runs its Step.                                              *)
(*                                                                         *)
(* The network: requests are a set from which any may be executed at any   *)
(* time, again and again.  What the server says follows from its history,  *)
(* and may arrive at any time, in any order, any number of times, or       *)
(* never: a verdict on any decision, under the lease that holds the write  *)
(* or under another; "not now" and silence; snapshots of any moment with   *)
(* outcomes; watermarks.  Deltas arrive in order: that is the business of  *)
(* the coordinator.                                                        *)
(*                                                                         *)
(* A crash loses what is not stored.  It may fall between the save of a    *)
(* step and everything after it: the rows are there, but nothing was sent  *)
(* or told (Crash after any input).                                        *)
(*                                                                         *)
(* Time is relative, and lease tokens are renamed in their order: the      *)
(* machine compares both and nothing else.  Leases and delays all take     *)
(* the one step of PassTime.                                               *)
(*                                                                         *)
(* Not modelled: direct writes, batches of entries, entries under numbers  *)
(* taken before, ids and keys used again (all of these: Outbox_<scope>);   *)
(* a server that forgets keys or clients.                                  *)
(*                                                                         *)
(* Run is Step: checked with `Run <- Step`, because TLC's coverage, which  *)
(* follows every path of definitions, does not end when it looks into it.  *)
(*                                                                         *)
(* Bounds: MaxWrites writes, on the entity "a" unless they are in OnB;     *)
(* those in Blind name no version; 1 may create "t1" (Creates) that the    *)
(* write 2 then mentions.  MaxForeign writes of others on "a".             *)
(***************************************************************************)
EXTENDS Outbox

CONSTANTS Mode, MaxWrites, MaxForeign, MaxEpoch, MaxCrashes, MaxTaken, Blind, OnB, Creates,
          Refuses, Busy, Abandons, Cancels, Snapshots, Loss, Run(_, _, _)

ASSUME /\ {MaxWrites, MaxForeign, MaxEpoch, MaxCrashes, MaxTaken} \subseteq 0..9
       /\ MaxEpoch >= 1
       /\ {Creates, Refuses, Busy, Abandons, Cancels, Snapshots, Loss} \subseteq BOOLEAN

VARIABLES
    history,  \* for each epoch what the server decided, in order: [seq, id, ok, entity]
    requests, \* what was sent and not lost: [epoch, seq, id, entity, base, skip]
    machine,  \* the outbox
    written,  \* how many writes the application made
    planned,  \* for each write the position of the documents it was planned on
    told,     \* for each write the reports given to the application
    taken,    \* how many numbers were taken for nothing
    crashes   \* how often the client crashed

vars == <<history, requests, machine, written, planned, told, taken, crashes>>

Me == "me"
Writes == 1..MaxWrites
Config == [client |-> Me, mode |-> Mode, capacity |-> 9, lease_ms |-> 1, max_attempts |-> 1,
           delay_ms |-> 1, max_delay_ms |-> 1]

Elements(list) == {list[i] : i \in 1..Len(list)}
FirstOf(list, n) == [i \in 1..n |-> list[i]]

-------------------------------------------------------------------------------
(* The server.  A decision is [seq, id, ok, entity]; id 0 is a skip, 9 a    *)
(* write of somebody else (seq 0).  What it accepted is the stream, dense   *)
(* from 1.  A restore goes back to a moment of the past.                    *)

Epoch == Len(history)
LogOf(decisions) == SelectSeq(decisions, LAMBDA d : d.ok)
NewestIn(epoch) == Len(LogOf(history[epoch]))
DecidedIn(epoch, seq) == \E d \in Elements(history[epoch]) : d.seq = seq /\ seq > 0
VerdictIn(epoch, id) == \E d \in Elements(history[epoch]) : d.id = id

\* The version of an entity is the position of the last write of it. [compare-and-set]
Positions(log, entity) == {i \in 1..Len(log) : log[i].entity = entity}
VersionAt(log, entity) ==
    IF Positions(log, entity) = {} THEN 0
    ELSE CHOOSE i \in Positions(log, entity) : \A j \in Positions(log, entity) : j <= i

\* How far it has come in a client's numbers, one after the other.
RECURSIVE Upto(_, _)
Upto(epoch, n) == IF DecidedIn(epoch, n + 1) THEN Upto(epoch, n + 1) ELSE n

Fits(request) ==
    \/ request.base = NoStamp
    \/ request.base = [epoch |-> Epoch,
                       version |-> VersionAt(LogOf(history[Epoch]), request.entity)]

Decide(request, ok) ==
    history' = [history EXCEPT ![Epoch] = Append(history[Epoch],
        [seq |-> request.seq, id |-> request.id, ok |-> ok, entity |-> request.entity])]

\* One decision for each number; a watermark server takes the numbers one after the other.
\* [submit-once] [request-epoch]
Execute(request) ==
    /\ request.epoch = Epoch
    /\ ~DecidedIn(Epoch, request.seq) \/ Mutant = "no-idempotency-key"
    /\ Mode = "ordered" => request.seq <= Upto(Epoch, 0) + 1
    /\ \E ok \in BOOLEAN :
        /\ ok => ~request.skip /\ Fits(request)
        /\ ~ok => Refuses \/ request.skip \/ ~Fits(request)
        /\ Decide(request, ok)
    /\ UNCHANGED <<requests, machine, written, planned, told, taken, crashes>>

Submit == \E request \in requests : Execute(request)

Foreign ==
    /\ Cardinality({i \in 1..Len(history[Epoch]) : history[Epoch][i].id = 9}) < MaxForeign
    /\ Decide([seq |-> 0, id |-> 9, entity |-> "a"], TRUE)
    /\ UNCHANGED <<requests, machine, written, planned, told, taken, crashes>>

\* Documents and verdicts together. [table-restored-with-documents]
Restore(moment) ==
    /\ Epoch < MaxEpoch /\ moment <= Len(history[Epoch])
    /\ history' = Append(history, FirstOf(history[Epoch], moment))
    /\ UNCHANGED <<requests, machine, written, planned, told, taken, crashes>>

Lose1(request) ==
    /\ Loss
    /\ requests' = requests \ {request}
    /\ UNCHANGED <<history, machine, written, planned, told, taken, crashes>>
LoseRequest == \E request \in requests : Lose1(request)

\* --- what it says -------------------------------------------------------------

IdsOf(decision) ==
    IF Creates /\ decision.id = 1 THEN <<[temporary |-> "t1", id |-> "r1"]>> ELSE <<>>

\* The verdict of decision i of an epoch. An acceptance says position, version and ids.
VerdictOf(epoch, i) ==
    (LET decision == history[epoch][i]
         at == Len(LogOf(FirstOf(history[epoch], i)))
     IN IF decision.ok THEN Accepted(at, at, IdsOf(decision)) ELSE Refused("no"))

DeltaOf(epoch, at) ==
    (LET log == LogOf(history[epoch])
         label == [client |-> Me, seq |-> log[at].seq, version |-> at, ids |-> IdsOf(log[at])]
     IN [kind |-> "delta", epoch |-> epoch, server_seq |-> at,
         settles |-> IF log[at].seq = 0 THEN <<>> ELSE <<label>>])

RECURSIVE OutcomesIn(_, _, _)
OutcomesIn(epoch, moment, i) ==
    IF i > moment THEN <<>>
    ELSE (LET here == [seq |-> history[epoch][i].seq, verdict |-> VerdictOf(epoch, i)]
          IN (IF here.seq = 0 THEN <<>> ELSE <<here>>) \o OutcomesIn(epoch, moment, i + 1))

SnapshotOf(epoch, moment) ==
    [kind |-> "snapshot", epoch |-> epoch, client_known |-> TRUE,
     server_seq |-> Len(LogOf(FirstOf(history[epoch], moment))),
     outcomes |-> OutcomesIn(epoch, moment, 1)]

RECURSIVE RefusalsIn(_, _)
RefusalsIn(decisions, upto) ==
    IF decisions = <<>> THEN <<>>
    ELSE (LET d == Head(decisions)
          IN (IF d.ok \/ d.seq = 0 \/ d.seq > upto THEN <<>>
              ELSE <<[seq |-> d.seq, code |-> "no"]>>) \o RefusalsIn(Tail(decisions), upto))

WatermarkOf(epoch, named) ==
    [kind |-> "watermark", epoch |-> epoch, server_seq |-> NewestIn(epoch),
     upto |-> Upto(epoch, 0), named |-> named,
     refused |-> IF named THEN RefusalsIn(history[epoch], Upto(epoch, 0)) ELSE <<>>]

-------------------------------------------------------------------------------
(* The client.                                                              *)

\* Time begins now; tokens in use are numbered in their order; how often something was put off is
\* forgotten, because every delay is the same here.
Tokens(state) ==
    {m.status.token : m \in {i \in Entries(state.queue) : i.status.kind = "in-flight"}}
RankOf(state, token) == Cardinality({t \in Tokens(state) : t <= token})
Relative(state, time) == Most(0, time - state.now)
StatusOf(state, status) ==
    (CASE status.kind = "queued" -> Queued(Relative(state, status.not_before))
       [] status.kind = "in-flight" ->
            InFlight(RankOf(state, status.token), Relative(state, status.until))
       [] OTHER -> status)
MemberOf(state, member) ==
    IF IsItem(member)
    THEN [member EXCEPT !.status = StatusOf(state, member.status), !.delays = 0,
                        !.first = IF Sent(member) THEN 1 ELSE 0]
    ELSE [member EXCEPT !.status = StatusOf(state, member.status)]
Quiet(state) ==
    [state EXCEPT !.now = 0, !.failures = 0, !.wait_until = Relative(state, state.wait_until),
                  !.numbers.token = Cardinality(Tokens(state)),
                  !.queue = [i \in DOMAIN state.queue |-> MemberOf(state, state.queue[i])]]

Base(w) ==
    IF w \in Blind \/ (Creates /\ w <= 2) THEN NoStamp
    ELSE [epoch |-> machine.numbers.epoch,
          version |-> VersionAt(FirstOf(LogOf(history[machine.numbers.epoch]),
                                        machine.numbers.server_seq), "a")]

Entry(w) ==
    [id |-> w, key |-> w, base |-> Base(w), depends |-> <<>>,
     entity |-> IF Creates /\ w = 1 THEN "t1" ELSE IF w \in OnB THEN "b" ELSE "a",
     temporary |-> Creates /\ w = 1,
     change |-> [kind |-> IF Creates /\ w = 1 THEN "create"
                          ELSE IF w \in Blind \/ (Creates /\ w = 2) THEN "upsert" ELSE "update",
                 n |-> w, refs |-> IF Creates /\ w = 2 THEN <<"t1">> ELSE <<>>]]

\* What a request says of one entry or unused number.
RequestOf(state, item) ==
    [epoch |-> state.numbers.epoch, seq |-> item.seq, id |-> item.entry.id,
     entity |-> item.entry.entity, base |-> item.base, skip |-> FALSE]
SkipOf(state, seq) ==
    [epoch |-> state.numbers.epoch, seq |-> seq, id |-> 0, entity |-> "", base |-> NoStamp,
     skip |-> TRUE]
Skipped(skips) == UNION {s.first..s.last : s \in Entries(skips)}

SendsOf(state, effects) ==
    UNION {{RequestOf(state, e.items[i]) : i \in DOMAIN e.items}
           \cup {SkipOf(state, n) : n \in Skipped(e.skips)} :
              e \in {f \in Entries(effects) : f.kind = "send"}}

ReportsOf(effects) == {e.report : e \in {f \in Entries(effects) : f.kind = "told"}}
Telling(effects) ==
    [w \in Writes |-> told[w] \cup {[number |-> r.number, kind |-> r.verdict.kind] :
                                        r \in {q \in ReportsOf(effects) : q.id = w}}]

Become(done) ==
    /\ machine' = Quiet(done.state)
    /\ requests' = requests \cup SendsOf(done.state, done.effects)
    /\ told' = Telling(done.effects)

\* What is left of an outbox when its process ends: the rows. [direct-write-is-gated]
StoredIn(state) ==
    [Reborn(state) EXCEPT !.queue = [i \in DOMAIN state.queue |-> Stored(state.queue[i])]]
HighestIn(state) ==
    IF state.queue = <<>> THEN 0 ELSE (LET last == state.queue[Len(state.queue)] IN last.seq)
Reloaded(state) ==
    IF Mutant = "volatile-outbox"
    THEN [Start(state.numbers.epoch) EXCEPT !.numbers = state.numbers]
    ELSE IF Mutant = "counter-from-queue"
    THEN [StoredIn(state) EXCEPT !.numbers.counter = HighestIn(state)]
    ELSE StoredIn(state)
Reopened(state) == Run(Config, Reloaded(state), [kind |-> "restart"])

MayCrash == MaxCrashes > 0 /\ (MaxCrashes < 9 => crashes < MaxCrashes)
Crashed == crashes' = IF MaxCrashes < 9 THEN crashes + 1 ELSE 0

\* An input is taken; or taken and stored, and then the process ends.
\* [saved-before-effects]
Take1(given) ==
    (LET done == Run(Config, machine, given)
     IN /\ done.error = ""
        /\ \/ Become(done) /\ UNCHANGED crashes
           \/ MayCrash /\ Become(Reopened(done.state)) /\ Crashed)

Receive(given) ==
    Take1(given) /\ UNCHANGED <<history, written, planned, taken>>

Crash ==
    /\ MayCrash
    /\ Become(Reopened(machine)) /\ Crashed
    /\ UNCHANGED <<history, written, planned, taken>>

\* --- the application ------------------------------------------------------------

Write ==
    /\ written < MaxWrites
    /\ written' = written + 1
    /\ planned' = [planned EXCEPT ![written + 1] = machine.numbers.server_seq]
    /\ Take1([kind |-> "enqueue", entries |-> <<Entry(written + 1)>>, seqs |-> <<>>,
              stored |-> TRUE])
    /\ UNCHANGED <<history, taken>>

TakeNumber ==
    /\ taken < MaxTaken
    /\ taken' = taken + 1
    /\ Take1([kind |-> "take"])
    /\ UNCHANGED <<history, written, planned>>

GiveNumberUp ==
    \E m \in Entries(machine.queue) :
        m.status.kind = "open" /\ Receive([kind |-> "give-up", seq |-> m.seq])

CancelIt(w) == Cancels /\ Receive([kind |-> "cancel", id |-> w])
AbandonIt(w) == Abandons /\ Receive([kind |-> "abandon", id |-> w])
ResumeIt(w) == IsNamed(machine, w) /\ Receive([kind |-> "resume", id |-> w])
Read(entity) ==
    /\ \E d \in Entries(machine.doubts) : d.entity = entity
    /\ Receive([kind |-> "has-read", entity |-> entity])

\* --- the worker -----------------------------------------------------------------

Send1(limit) ==
    /\ Sendable(Config, machine) # <<>> /\ machine.wait_until = 0
    /\ Receive([kind |-> "reserve", limit |-> limit])

Awaited(member) ==
    \/ member.status.kind = "in-flight"
    \/ member.status.kind = "queued" /\ member.status.not_before > 0
TimeAwaited == machine.wait_until > 0 \/ \E m \in Entries(machine.queue) : Awaited(m)
PassTime == TimeAwaited /\ Receive([kind |-> "tick", now |-> 1])

Unreachable(token) ==
    /\ \E m \in Entries(machine.queue) : Holds(m, token)
    /\ Receive([kind |-> "release", token |-> token])

\* The lease that holds a write, or one that nobody holds any more.
Stale == 9
Leases(w) ==
    {Stale} \cup {m.status.token : m \in {i \in Items(machine) :
                                          i.entry.id = w /\ i.status.kind = "in-flight"}}

Answer(w, epoch, token, outcome) ==
    Receive([kind |-> "settle", token |-> token, epoch |-> epoch,
             results |-> <<[id |-> w, outcome |-> outcome]>>])

\* The server knows a write by its number: what it said of that is its answer.
IsAbout(w, epoch, i) ==
    \/ history[epoch][i].id = w
    \/ \E r \in requests : r.id = w /\ r.epoch = epoch /\ r.seq = history[epoch][i].seq
ArriveVerdict(w) ==
    \E epoch \in 1..Epoch : \E i \in 1..Len(history[epoch]) : \E token \in Leases(w) :
        /\ IsAbout(w, epoch, i)
        /\ IsNamed(machine, w)
        /\ Answer(w, epoch, token, VerdictOf(epoch, i))

\* "Not now", or silence, of a request that was sent.
Indefinite(w, kind) ==
    /\ \E r \in requests : r.id = w
    /\ \E token \in Leases(w) :
          Answer(w, machine.numbers.epoch, token, [kind |-> kind, after |-> 0])
NotNow(w) == Busy /\ IsNamed(machine, w) /\ Indefinite(w, "retry")
Silence(w) == IsNamed(machine, w) /\ Indefinite(w, "unknown")

\* --- the stream -------------------------------------------------------------------

\* The delta after the documents, or the one at their end again.
Raised(done, at) ==
    [done EXCEPT !.state.versions =
        {[v EXCEPT !.stamp.version = at, !.since.version = 0] : v \in done.state.versions}
        \cup {OwnVersion("a", [epoch |-> done.state.numbers.epoch, version |-> at],
                         [epoch |-> done.state.numbers.epoch, version |-> 0])}]
ArriveDelta ==
    (LET epoch == machine.numbers.epoch
         at == machine.numbers.server_seq
     IN /\ at < NewestIn(epoch)
        /\ IF Mutant = "base-raised-by-delta"
           THEN /\ Become(Raised(Run(Config, machine, DeltaOf(epoch, at + 1)), at + 1))
                /\ UNCHANGED <<history, written, planned, taken, crashes>>
           ELSE Receive(DeltaOf(epoch, at + 1)))

ArriveSnapshot ==
    /\ Snapshots
    /\ \E epoch \in 1..Epoch : \E moment \in 0..Len(history[epoch]) :
          Receive(SnapshotOf(epoch, moment))

ArriveWatermark ==
    /\ Mode = "ordered"
    /\ \E named \in BOOLEAN :
        (LET step == Run(Config, machine, WatermarkOf(machine.numbers.epoch, named))
         IN step.error = "" /\ Receive(WatermarkOf(machine.numbers.epoch, named)))

Moments == 0..(2 * MaxWrites + MaxForeign + MaxTaken)

Next ==
    \/ Submit
    \/ Foreign
    \/ \E moment \in Moments : Restore(moment)
    \/ LoseRequest
    \/ Write
    \/ TakeNumber
    \/ GiveNumberUp
    \/ \E w \in Writes : CancelIt(w)
    \/ \E w \in Writes : AbandonIt(w)
    \/ \E w \in Writes : ResumeIt(w)
    \/ \E entity \in {"a", "b", "t1"} : Read(entity)
    \/ \E limit \in {1, 9} : Send1(limit)
    \/ PassTime
    \/ \E token \in Tokens(machine) \cup {Stale} : Unreachable(token)
    \/ \E w \in Writes : ArriveVerdict(w)
    \/ \E w \in Writes : NotNow(w)
    \/ \E w \in Writes : Silence(w)
    \/ ArriveDelta
    \/ ArriveSnapshot
    \/ ArriveWatermark
    \/ Crash

Init ==
    /\ history = <<(<<>>)>>
    /\ requests = {}
    /\ machine = Start(1)
    /\ written = 0
    /\ planned = [w \in Writes |-> 0]
    /\ told = [w \in Writes |-> {}]
    /\ taken = 0
    /\ crashes = 0

-------------------------------------------------------------------------------
(* Properties.                                                              *)

Kinds == {"accepted", "refused", "in-doubt"}
Given(w) == {r.kind : r \in told[w]}
InQueue(w) == IsNamed(machine, w)
AcceptedIn(epoch) == {d.id : d \in Elements(LogOf(history[epoch]))} \cap Writes
RefusedIn(epoch) == {d.id : d \in {e \in Elements(history[epoch]) : ~e.ok}} \cap Writes

TypeOK ==
    /\ \A e \in 1..Epoch : \A d \in Elements(history[e]) :
          d.id \in Writes \cup {0, 9} /\ d.ok \in BOOLEAN /\ d.seq \in 0..(MaxWrites + MaxTaken)
    /\ \A r \in requests : r.epoch \in 1..Epoch /\ r.id \in Writes \cup {0}
    /\ machine.numbers.epoch \in 1..Epoch
    /\ machine.numbers.server_seq \in Moments
    /\ machine.now = 0
    /\ written \in 0..MaxWrites
    /\ \A w \in Writes : Given(w) \subseteq Kinds
    /\ taken \in 0..MaxTaken /\ crashes \in 0..9

\* Each write takes effect at most once. [submit-once]
ONCE ==
    \A e \in 1..Epoch : \A i, j \in 1..Len(history[e]) :
        (i # j /\ history[e][i].id \in Writes /\ history[e][i].id = history[e][j].id)
        => ~(history[e][i].ok /\ history[e][j].ok)

\* One verdict, and a true one: accepted if it took effect, refused if it did not.
\* [verdict-reported] [first-settlement-stands]
ONE_VERDICT == \A w \in Writes : Cardinality(told[w]) <= 1
TRUE_VERDICT ==
    \A w \in Writes :
        /\ "accepted" \in Given(w) => \E e \in 1..Epoch : w \in AcceptedIn(e)
        /\ "refused" \in Given(w) => w \notin AcceptedIn(Epoch)

\* Nothing that was written is forgotten: it is in the queue until it has its verdict.
\* [number-durable] [rejected-removed] [lease-ends-at-restart]
KEPT == \A w \in 1..written : InQueue(w) \/ told[w] # {}

\* What was accepted is shown: in the documents, or still in the queue; unless a restore took it
\* back after the documents held it. [acked-until-covered] [dead-epoch-ack-queued]
InDocuments(state, past, w) ==
    (LET log == LogOf(past[state.numbers.epoch])
     IN \E i \in 1..state.numbers.server_seq : i <= Len(log) /\ log[i].id = w)
Shown(state, past, w) == InDocuments(state, past, w) \/ IsNamed(state, w)
SHOWN ==
    \A w \in 1..written :
        ("accepted" \in Given(w) /\ machine.numbers.epoch = 1) => Shown(machine, history, w)
SHOWN_STAYS ==
    [][\A w \in Writes :
          ("accepted" \in Given(w) /\ Shown(machine, history, w)) =>
              \/ Shown(machine', history', w)
              \/ \E d \in Elements(history'[machine'.numbers.epoch]) : d.id = w /\ ~d.ok
              \/ /\ machine'.numbers.epoch > machine.numbers.epoch
                 /\ InDocuments(machine, history, w)]_vars

\* In the order of their entity, but for what was given up. [one-in-flight-per-entity]
EntityOf(w) == IF Creates /\ w = 1 THEN "t1" ELSE IF w \in OnB THEN "b" ELSE "a"
Before(v, w) == v < w /\ EntityOf(v) = EntityOf(w)
NeedsOf(v, w) == Creates /\ v = 1 /\ w = 2
ORDER ==
    \A i, j \in 1..Len(history[Epoch]) :
        (LET first == history[Epoch][i]
             second == history[Epoch][j]
         IN (i < j /\ first.id \in Writes /\ second.id \in Writes /\ first.ok /\ second.ok)
            => ~(Before(second.id, first.id) /\ "in-doubt" \notin Given(second.id)))

\* No write goes over a foreign one that its plan did not see. [base-version-own-only]
NO_OVERWRITE ==
    \A i \in 1..NewestIn(Epoch) :
        (LET log == LogOf(history[Epoch])
             w == log[i].id
         IN (w \in Writes /\ w \notin Blind /\ EntityOf(w) = "a" /\ ~(Creates /\ w <= 2))
            => \A j \in 1..(i - 1) : log[j].id = 9 => j <= planned[w])

\* A temporary id reaches the server in its create alone. [ids-renamed] [dependency-order]
NO_DANGLING ==
    Creates => \A r \in requests : r.id = 2 =>
        /\ 1 \in AcceptedIn(Epoch)
        /\ \A m \in Items(machine) : (m.entry.id = 2 /\ Sent(m)) => "t1" \notin Mentions(m.entry)

\* Being offline parks nothing. [only-answers-are-attempts]
NOT_PARKED_OFFLINE == Busy \/ \A m \in Entries(machine.queue) : m.status.kind # "parked"

\* One write of an entity is under way. [one-in-flight-per-entity]
ONE_UNDER_WAY ==
    \A m, o \in Items(machine) :
        (m.seq # o.seq /\ m.status.kind = "in-flight" /\ o.status.kind = "in-flight")
        => m.entry.entity # o.entry.entity

\* "Not now" and silence under a lease that is over change nothing. [indefinite-fenced]
FENCED ==
    \A m \in Items(machine) : \A kind \in {"retry", "unknown"} :
        m.status.kind = "in-flight" =>
            (LET late == [kind |-> "settle", token |-> Stale, epoch |-> machine.numbers.epoch,
                          results |-> <<[id |-> m.entry.id,
                                         outcome |-> [kind |-> kind, after |-> 0]]>>]
                 done == Run(Config, machine, late)
             IN done.state = machine)

\* A verdict of this epoch settles what was sent, under whatever lease it comes.
\* [definite-settles-any-lease]
HEARD ==
    \A m \in Items(machine) : \A i \in 1..Len(history[machine.numbers.epoch]) :
        (/\ history[machine.numbers.epoch][i].id = m.entry.id
         /\ Sent(m) /\ m.status.kind # "acked") =>
            (LET given == [kind |-> "settle", token |-> Stale, epoch |-> machine.numbers.epoch,
                           results |-> <<[id |-> m.entry.id,
                                          outcome |-> VerdictOf(machine.numbers.epoch, i)]>>]
                 done == Run(Config, machine, given)
             IN \A o \in Items(done.state) :
                    o.entry.id = m.entry.id => o.status.kind = "acked")

\* No lease outlasts its time. [lease-expires]
LEASES_EXPIRE ==
    (LET done == Run(Config, machine, [kind |-> "tick", now |-> 1])
     IN \A m \in Entries(done.state.queue) : m.status.kind # "in-flight")

\* [lease-ends-at-restart]
LEASES_END ==
    [][crashes' # crashes => \A m \in Items(machine') : m.status.kind # "in-flight"]_vars

\* [cursor-never-back]
CURSOR_ONWARD ==
    [][\/ machine'.numbers.epoch > machine.numbers.epoch
       \/ /\ machine'.numbers.epoch = machine.numbers.epoch
          /\ machine'.numbers.server_seq >= machine.numbers.server_seq]_vars

-------------------------------------------------------------------------------
(* What must happen in the end, each for each write on its own: what may be *)
(* sent is sent; what arrives again and again is decided; of a decision the *)
(* answer arrives, or the delta or snapshot that tells it; time passes;     *)
(* what is parked is resumed, what is in doubt is read.  As in Sequencing,  *)
(* fairness says that what enables an action does not stay for ever, or     *)
(* that the action is taken again and again.                                *)

Due(w) == \E m \in Entries(Sendable(Config, machine)) : m.seq = w /\ machine.wait_until = 0
InNet(n) == /\ \E r \in requests : r.seq = n /\ r.epoch = Epoch
            /\ Mode = "ordered" => n <= Upto(Epoch, 0) + 1
Unheard(w) ==
    \E m \in Items(machine) :
        m.entry.id = w /\ m.status.kind # "acked" /\ VerdictIn(Epoch, w)
Behind == machine.numbers.server_seq < NewestIn(machine.numbers.epoch)
Passing == Mode = "ordered" /\ machine.numbers.watermark < Upto(Epoch, 0)
ParkedOne(w) ==
    \E m \in Items(machine) : m.entry.id = w /\ m.status.kind = "parked"
Dead == machine.numbers.epoch < Epoch

Live ==
    /\ Init
    /\ [][Next]_vars
    /\ \A n \in 1..(MaxWrites + MaxTaken) :
          /\ ([]<>~Due(n)) \/ []<><<Send1(9)>>_vars
          /\ (<>[]~InNet(n)) \/ []<>DecidedIn(Epoch, n)
    /\ \A w \in Writes :
          /\ ([]<>~Unheard(w)) \/ []<><<ArriveVerdict(w)>>_vars
          /\ ([]<>~ParkedOne(w)) \/ []<><<ResumeIt(w)>>_vars
    /\ []<>~Behind /\ []<>~Passing /\ []<>~Dead
    /\ ([]<>~TimeAwaited) \/ []<><<PassTime>>_vars
    /\ []<>(machine.doubts = <<>>)
    /\ []<>(\A m \in Entries(machine.queue) : m.status.kind # "open")
    /\ []<>(written = MaxWrites)

\* Every write has its verdict, and nothing is left.
AllSettled ==
    /\ machine.queue = <<>>
    /\ \A w \in Writes : told[w] # {}
\* [queue-drains]
CONVERGENCE == <>[]AllSettled
===============================================================================
