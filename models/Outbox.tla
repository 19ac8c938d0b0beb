-------------------------------- MODULE Outbox --------------------------------
(***************************************************************************)
(* The outbox machine: one input, the next state, the ordered effects.     *)
(* Written by hand, rule by rule and under the same names as               *)
(* reference/optisync/outbox (Sendable is `sendable`, PutBack is           *)
(* `put_back`, ...); `optisync models graph outbox` holds the two state    *)
(* graphs against each other.  Pure operators on records: no variable is   *)
(* declared here.                                                          *)
(*                                                                         *)
(*   Step(config, before, given) = [state |-> .., effects |-> <<..>>,      *)
(*                                  error |-> "" or a code]                *)
(*                                                                         *)
(* config   [client, mode, capacity, lease_ms, max_attempts, delay_ms,     *)
(*          max_delay_ms]; mode is "entity" or "ordered".                  *)
(* before   a state: `Start(epoch)` or one reached by Step.                *)
(* given    a record with a field `kind`; fields as in the Python inputs:  *)
(*          take | give-up seq | enqueue entries seqs stored               *)
(*          | reserve limit | settle token epoch results | release token   *)
(*          | delta epoch server_seq settles                               *)
(*          | snapshot epoch server_seq outcomes client_known              *)
(*          | watermark epoch server_seq upto named refused                *)
(*          | cancel id | abandon id | resume id | has-read entity         *)
(*          | consume upto | tick now | restart                            *)
(*                                                                         *)
(* What is stored is kept as the rows that are saved: a member of the      *)
(* queue is the row "item" or "hole", `numbers` the row "numbers", a       *)
(* version, alias, doubt or report the row of that name.                   *)
(*                                                                         *)
(* What is abstract: a change is its kind, a number that stands for its    *)
(* content, and the texts in it that may be ids (`refs`); there is one     *)
(* resource, so an entity is its id.  Owners of leases, times for people   *)
(* and documents only pass through and are left out.  What is not there is *)
(* None, NoStamp or, where an id is expected, "".                          *)
(*                                                                         *)
(* Mutant = "none" is the machine.  Any other value removes one guard; the *)
(* values are those compared with `Mutant` below.                          *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANT Mutant

None == -1
NoStamp == [epoch |-> None, version |-> None]

Entries(list) == {list[i] : i \in DOMAIN list}
Least(left, right) == IF left < right THEN left ELSE right
Most(left, right) == IF left < right THEN right ELSE left

\* --- entry.py --------------------------------------------------------------

StampAtMost(left, right) ==
    \/ left.epoch < right.epoch
    \/ (left.epoch = right.epoch /\ left.version <= right.version)

SameWrite(left, right) == left.entity = right.entity /\ left.change = right.change

Mentions(entry) == {entry.entity} \cup Entries(entry.change.refs)

\* A text, or the id that one of the pairs [temporary, id] gives it.
RealId(text, pairs) ==
    IF \E p \in pairs : p.temporary = text
    THEN (LET pair == CHOOSE p \in pairs : p.temporary = text IN pair.id) ELSE text

MakesRow(entry) == entry.temporary /\ entry.change.kind \in {"create", "upsert"}

\* Not the id that the entry itself makes: the server answers with that one's name.
Rename(entry, pairs) ==
    (LET others == {p \in pairs : ~(MakesRow(entry) /\ p.temporary = entry.entity)}
     IN [entry EXCEPT !.entity = RealId(entry.entity, others),
                      !.change.refs = [i \in DOMAIN entry.change.refs |->
                                          RealId(entry.change.refs[i], others)]])

\* --- rows.py ---------------------------------------------------------------

Queued(not_before) == [kind |-> "queued", not_before |-> not_before]
InFlight(token, until) == [kind |-> "in-flight", token |-> token, until |-> until]
Acked(server_seq, version) == [kind |-> "acked", server_seq |-> server_seq, version |-> version]
Parked == [kind |-> "parked"]
Open == [kind |-> "open"]

Item(seq, entry, after, stored) ==
    [kind |-> "item", seq |-> seq, entry |-> entry, after |-> after, status |-> Queued(0),
     base |-> NoStamp, first |-> 0, told |-> FALSE, attempts |-> 0, delays |-> 0,
     stored |-> stored]
Hole(seq, status) ==
    [kind |-> "hole", seq |-> seq, status |-> status, entity |-> "", temporary |-> FALSE]
Gone(seq) == [kind |-> "gone", seq |-> seq]
OwnVersion(entity, stamp, since) ==
    [kind |-> "version", entity |-> entity, stamp |-> stamp, since |-> since]
Alias(temporary, id) == [kind |-> "alias", temporary |-> temporary, id |-> id]
Doubt(seq, id, entity) == [kind |-> "doubt", seq |-> seq, id |-> id, entity |-> entity]
DoubtLifted(seq) == [kind |-> "doubt-lifted", seq |-> seq]
Report(number, seq, id, verdict) ==
    [kind |-> "report", number |-> number, seq |-> seq, id |-> id, verdict |-> verdict]
Consumed(upto) == [kind |-> "consumed", upto |-> upto]

Accepted(server_seq, version, ids) ==
    [kind |-> "accepted", server_seq |-> server_seq, version |-> version, ids |-> ids]
Refused(code) == [kind |-> "refused", code |-> code]
InDoubt == [kind |-> "in-doubt"]

IsItem(member) == member.kind = "item"
Sent(item) == item.first > 0

SameKey(left, right) ==
    (LET members == {"item", "hole", "gone"}
         doubts == {"doubt", "doubt-lifted"}
     IN CASE left.kind \in members -> right.kind \in members /\ left.seq = right.seq
          [] left.kind \in doubts -> right.kind \in doubts /\ left.seq = right.seq
          [] left.kind = "version" -> right.kind = "version" /\ left.entity = right.entity
          [] left.kind = "alias" -> right.kind = "alias" /\ left.temporary = right.temporary
          [] left.kind = "report" -> right.kind = "report" /\ left.number = right.number
          [] OTHER -> right.kind = left.kind)

\* --- queue.py --------------------------------------------------------------

RECURSIVE Placed(_, _)
Placed(queue, member) ==
    IF queue = <<>> THEN <<member>>
    ELSE IF member.seq < queue[1].seq THEN <<member>> \o queue
    ELSE IF member.seq = queue[1].seq THEN <<member>> \o Tail(queue)
    ELSE <<Head(queue)>> \o Placed(Tail(queue), member)

Seqs(list) == {list[i].seq : i \in DOMAIN list}

Items(state) == {m \in Entries(state.queue) : IsItem(m)}

IsMember(state, seq) == seq \in Seqs(state.queue)
Get(state, seq) == CHOOSE m \in Entries(state.queue) : m.seq = seq

IsNamed(state, id) == \E m \in Items(state) : m.entry.id = id
Named(state, id) == CHOOSE m \in Items(state) : m.entry.id = id

CarriesItem(state, seq) == \E m \in Items(state) : m.seq = seq

IsOpen(state, seq) == \E m \in Entries(state.queue) : m.seq = seq /\ m.status.kind = "open"

\* --- state.py --------------------------------------------------------------

Start(epoch) ==
    [numbers |-> [kind |-> "numbers", epoch |-> epoch, server_seq |-> 0, counter |-> 0,
                  token |-> 0, reported |-> 0, watermark |-> None],
     queue |-> <<>>, versions |-> {}, aliases |-> {}, doubts |-> <<>>, reports |-> <<>>,
     now |-> 0, failures |-> 0, wait_until |-> 0]

WithRow(state, row) ==
    (CASE row.kind \in {"item", "hole"} -> [state EXCEPT !.queue = Placed(state.queue, row)]
       [] row.kind = "gone" ->
            [state EXCEPT !.queue = SelectSeq(state.queue, LAMBDA m : m.seq # row.seq)]
       [] row.kind = "version" ->
            [state EXCEPT !.versions = {v \in state.versions : v.entity # row.entity} \cup {row}]
       [] row.kind = "alias" ->
            [state EXCEPT !.aliases =
                {a \in state.aliases : a.temporary # row.temporary} \cup {row}]
       [] row.kind = "doubt" -> [state EXCEPT !.doubts = Append(state.doubts, row)]
       [] row.kind = "doubt-lifted" ->
            [state EXCEPT !.doubts = SelectSeq(state.doubts, LAMBDA d : d.seq # row.seq)]
       [] row.kind = "report" -> [state EXCEPT !.reports = Append(state.reports, row)]
       [] row.kind = "consumed" ->
            [state EXCEPT !.reports = SelectSeq(state.reports, LAMBDA r : r.number > row.upto)]
       [] row.kind = "numbers" -> [state EXCEPT !.numbers = row])

Reborn(state) == [state EXCEPT !.now = 0, !.failures = 0, !.wait_until = 0]

\* An entry with the ids that the server gave. [ids-renamed]
Known(state) == {a \in state.aliases : a.id # ""}
Renamed(state, entry) == Rename(entry, Known(state))

\* An entity under the id that the server gave it, if it did: the two are one row.
KnownAs(state, entity) == RealId(entity, Known(state))

\* Whether it needs a version to be sent with, and none is known.
LacksBase(state, entry) ==
    /\ entry.change.kind \in {"update", "delete"} /\ entry.base = NoStamp
    /\ ~(\E v \in state.versions : v.entity = KnownAs(state, entry.entity))

\* [floor-below-undecided]
Floor(state) == IF state.queue = <<>> THEN state.numbers.counter + 1 ELSE state.queue[1].seq

\* --- turn.py ---------------------------------------------------------------

\* A step in the making: the state so far, the rows to save, what follows, why it is refused.
Turn(state) == [state |-> state, rows |-> <<>>, effects |-> <<>>, error |-> ""]

\* What is stored of an undecided direct write: enough to know what is lost with it.
Trace(item) == [Hole(item.seq, Open) EXCEPT !.entity = item.entry.entity,
                                            !.temporary = MakesRow(item.entry)]

\* What remains of a number that will never carry a write. [unused-number-skipped]
Unused(config, state, seq) ==
    IF config.mode = "ordered" /\ seq > state.numbers.watermark /\ Mutant # "skip-not-sent"
    THEN Hole(seq, Queued(0)) ELSE Gone(seq)

\* [direct-write-is-gated]
Stored(row) ==
    IF row.kind # "item" THEN row
    ELSE IF row.stored THEN row
    ELSE IF row.told THEN Gone(row.seq) ELSE Trace(row)

\* The rows to save, with one more: in the place of the one with the same key, or at the end.
Saved(rows, row) ==
    IF \E i \in DOMAIN rows : SameKey(rows[i], row)
    THEN [i \in DOMAIN rows |-> IF SameKey(rows[i], row) THEN row ELSE rows[i]]
    ELSE Append(rows, row)

Put(turn, row) ==
    [turn EXCEPT !.state = WithRow(turn.state, row), !.rows = Saved(turn.rows, Stored(row))]

RECURSIVE PutEach(_, _)
PutEach(turn, rows) ==
    IF rows = <<>> THEN turn ELSE PutEach(Put(turn, Head(rows)), Tail(rows))

Numbered(turn, numbers) == IF numbers = turn.state.numbers THEN turn ELSE Put(turn, numbers)

IsNoNumbers(row) == row.kind # "numbers"

\* With numbers that are saved before the other rows.
NumberedFirst(turn, numbers) ==
    [turn EXCEPT !.state = WithRow(turn.state, numbers),
                 !.rows = <<numbers>> \o SelectSeq(turn.rows, IsNoNumbers)]

WithEffect(turn, effect) == [turn EXCEPT !.effects = Append(turn.effects, effect)]

\* [outbox-error-codes]
Refusing(turn, error) == [turn EXCEPT !.error = error]

Diagnosed(turn, code, id) == WithEffect(turn, [kind |-> "diag", code |-> code, id |-> id])

Told(report) == [kind |-> "told", report |-> report]

\* [verdict-reported]
Tell(turn, seq, id, verdict) ==
    (LET number == turn.state.numbers.reported + 1
         report == Report(number, seq, id, verdict)
         counted == Numbered(turn, [turn.state.numbers EXCEPT !.reported = number])
     IN IF Mutant = "verdict-unreported" THEN turn
        ELSE WithEffect(Put(counted, report), Told(report)))

\* [saved-before-effects]
Done(turn) ==
    [state |-> turn.state, error |-> "",
     effects |-> (IF turn.rows = <<>> THEN <<>> ELSE <<[kind |-> "save", rows |-> turn.rows]>>)
                 \o turn.effects]

\* --- enqueue.py ------------------------------------------------------------

\* The earlier creates and upserts whose acceptance will bring the version that an entry lacks.
BaseMakers(state, entry, seq) ==
    {m.seq : m \in {i \in Items(state) :
        /\ LacksBase(state, entry)
        /\ i.seq < seq /\ KnownAs(state, i.entry.entity) = KnownAs(state, entry.entity)
        /\ i.entry.change.kind \in {"create", "upsert"}}}

\* Entries it depends on by name, while they are unsettled; creates of temporary ids it mentions.
\* [dependency-order]
NamedOrMade(state, entry) ==
    {m.seq : m \in {i \in Items(state) :
        \/ i.entry.id \in Entries(entry.depends) /\ i.status.kind # "acked"
        \/ MakesRow(i.entry) /\ i.entry.entity \in Mentions(entry)}}

\* Whether what must follow this number cannot wait for it, or what must precede has a later one.
Passed(state, entry, seq, after) ==
    /\ seq <= state.numbers.counter
    /\ \/ \E m \in Items(state) :
              /\ m.seq > seq /\ KnownAs(state, m.entry.entity) = KnownAs(state, entry.entity)
              /\ Sent(m) \/ LacksBase(state, m.entry)
       \/ \E other \in after : other > seq

\* Queued under the number taken before, or the next one. [number-durable]
Queueing(turn, entry, taken, parents, stored) ==
    (LET state == turn.state
         seq == IF taken = None THEN state.numbers.counter + 1 ELSE taken
         numbered == IF taken # None THEN turn
                     ELSE NumberedFirst(turn, [state.numbers EXCEPT !.counter = seq])
         makers == BaseMakers(state, entry, seq)
         after == parents \cup makers
     IN IF taken # None /\ ~IsOpen(state, taken)
        THEN Refusing(turn, "number-not-open") \* [number-not-open]
        ELSE IF LacksBase(state, entry) /\ makers = {} \* [base-unknown]
        THEN Refusing(turn, "base-unknown")
        ELSE IF Passed(state, entry, seq, after)
        THEN Refusing(turn, "number-passed") \* [number-passed]
        ELSE WithEffect(Put(numbered, Item(seq, entry, after, stored)),
                        [kind |-> "enqueued", id |-> entry.id, seq |-> seq, again |-> FALSE]))

\* [dedupe-by-key]: no room needed
Again(config, turn, entry, known, taken, stored) ==
    (LET same == SameWrite(Renamed(turn.state, known.entry), Renamed(turn.state, entry))
         kept == IF stored /\ ~known.stored THEN Put(turn, [known EXCEPT !.stored = TRUE])
                 ELSE turn
         spare == IF taken = None THEN kept ELSE Put(kept, Unused(config, turn.state, taken))
     IN IF ~same THEN Refusing(turn, "key-reused") \* [key-reused]
        ELSE IF taken # None /\ ~IsOpen(turn.state, taken) THEN Refusing(turn, "number-not-open")
        ELSE WithEffect(spare, [kind |-> "enqueued", id |-> entry.id, seq |-> known.seq,
                                again |-> TRUE]))

EnqueueOne(config, turn, entry, taken, stored) ==
    (LET state == turn.state
         same == {m \in Items(state) : m.entry.key = entry.key}
         made == \/ \E a \in state.aliases : a.temporary = entry.entity
                 \/ \E m \in Items(state) : MakesRow(m.entry) /\ m.entry.entity = entry.entity
         dead == \E a \in state.aliases : a.id = "" /\ a.temporary \in Mentions(entry)
     IN IF same # {} THEN Again(config, turn, entry, CHOOSE m \in same : TRUE, taken, stored)
        ELSE IF IsNamed(state, entry.id) THEN Refusing(turn, "entry-id-reused")
        ELSE IF MakesRow(entry) /\ made THEN Refusing(turn, "temporary-id-reused")
        ELSE IF dead THEN Refusing(turn, "parent-rejected") \* [parent-rejected]
        ELSE IF Cardinality(Items(state)) >= config.capacity
        THEN Refusing(turn, "outbox-full") \* [outbox-full]
        ELSE Queueing(turn, Renamed(state, entry), taken, NamedOrMade(state, entry), stored))

\* Every entry, or an error and none of them. [enqueue-all-or-none]
RECURSIVE Enqueue(_, _, _, _)
Enqueue(config, turn, given, i) ==
    IF i > Len(given.entries) \/ turn.error # "" THEN turn
    ELSE Enqueue(config,
            EnqueueOne(config, turn, given.entries[i],
                       IF i <= Len(given.seqs) THEN given.seqs[i] ELSE None, given.stored),
            given, i + 1)

\* --- config.py -------------------------------------------------------------

\* [back-off-bounded]
BackOff(config, failures) ==
    Least(config.max_delay_ms, config.delay_ms * (2 ^ (failures - 1)))

\* --- lease.py --------------------------------------------------------------

VersionOf(state, entity) ==
    IF \E v \in state.versions : v.entity = entity
    THEN CHOOSE v \in state.versions : v.entity = entity ELSE OwnVersion(entity, NoStamp, NoStamp)

\* Own writes raise it only if the plan saw what the first of them was made on.
\* [base-version-own-only]
BaseVersion(planned, own) ==
    IF planned = NoStamp THEN own.stamp
    ELSE IF own.stamp # NoStamp /\ StampAtMost(planned, own.stamp)
            /\ (StampAtMost(own.since, planned) \/ Mutant = "base-raised")
    THEN own.stamp ELSE planned

\* What may be sent now, in order of the numbers: the rest of the queue, and of what came before
\* the entities that are held back, the numbers that are not settled, and the temporary ids that
\* are accepted and have no id yet. [fifo-by-number]
RECURSIVE SendableIn(_, _, _, _, _, _)
SendableIn(config, state, queue, closed, unsettled, nameless) ==
    IF queue = <<>> THEN <<>>
    ELSE (LET member == Head(queue)
              acked == IsItem(member) /\ member.status.kind = "acked" \* [acked-blocks-nobody]
              unnamed == /\ MakesRow(member.entry)
                         /\ ~(\E a \in state.aliases : a.temporary = member.entry.entity)
              parented == \/ /\ member.after \cap unsettled = {} \* [dependency-order]
                             /\ nameless \cap Mentions(member.entry) = {} \* [ids-renamed]
                          \/ Mutant = "child-passes-parent"
              entity == KnownAs(state, member.entry.entity)
              alone == \/ entity \notin closed \* [one-in-flight-per-entity]
                       \/ Mutant = "gate-open"
              based == Sent(member) \/ ~LacksBase(state, member.entry) \* [base-unknown]
              free == ~IsItem(member) \/ (alone /\ parented /\ based)
              ready == /\ free
                       /\ member.status.kind = "queued" /\ member.status.not_before <= state.now
          IN IF acked
             THEN SendableIn(config, state, Tail(queue), closed, unsettled,
                             IF unnamed THEN nameless \cup {member.entry.entity} ELSE nameless)
             ELSE IF ~ready /\ config.mode = "ordered" THEN <<>> \* [ordered-is-a-prefix]
             ELSE (IF ready THEN <<member>> ELSE <<>>)
                  \o (IF IsItem(member) \* [parked-holds-entity]
                      THEN SendableIn(config, state, Tail(queue), closed \cup {entity},
                                      unsettled \cup {member.seq}, nameless)
                      ELSE SendableIn(config, state, Tail(queue), closed, unsettled, nameless)))

Sendable(config, state) ==
    SendableIn(config, state, state.queue,
               {KnownAs(state, d.entity) : d \in Entries(state.doubts)}, {}, {})

RECURSIVE Limited(_, _)
Limited(members, limit) ==
    IF members = <<>> THEN <<>>
    ELSE IF ~IsItem(Head(members)) THEN <<Head(members)>> \o Limited(Tail(members), limit)
    ELSE IF limit < 1 THEN <<>>
    ELSE <<Head(members)>> \o Limited(Tail(members), limit - 1)

\* [content-fixed-at-first-send]
Fixed(state, item, token) ==
    (LET entry == Renamed(state, item.entry)
         base == IF entry.change.kind = "create" THEN NoStamp
                 ELSE BaseVersion(entry.base, VersionOf(state, KnownAs(state, entry.entity)))
     IN IF Sent(item) THEN item
        ELSE [item EXCEPT !.entry = entry, !.first = token, !.base = base])

Leased(state, lease, member) ==
    IF IsItem(member) THEN [Fixed(state, member, lease.token) EXCEPT !.status = lease]
    ELSE [member EXCEPT !.status = lease]

\* Ascending numbers as ranges [first, last].
RECURSIVE Ranges(_)
Ranges(seqs) ==
    IF seqs = <<>> THEN <<>>
    ELSE (LET rest == Ranges(Tail(seqs))
          IN IF rest # <<>> /\ rest[1].first = seqs[1] + 1
             THEN <<[first |-> seqs[1], last |-> rest[1].last]>> \o Tail(rest)
             ELSE <<[first |-> seqs[1], last |-> seqs[1]]>> \o rest)

SeqsOf(list) == [i \in DOMAIN list |-> list[i].seq]

Send(token, members, floor) ==
    [kind |-> "send", token |-> token, floor |-> floor,
     items |-> SelectSeq(members, LAMBDA m : IsItem(m)),
     skips |-> Ranges(SeqsOf(SelectSeq(members, LAMBDA m : ~IsItem(m))))]

Reserve(config, turn, limit) ==
    (LET state == turn.state
         chosen == IF state.now >= state.wait_until THEN Limited(Sendable(config, state), limit)
                   ELSE <<>>
         token == state.numbers.token + 1
         lease == InFlight(token, state.now + config.lease_ms)
         leased == [i \in DOMAIN chosen |-> Leased(state, lease, chosen[i])]
         numbered == Numbered(turn, [state.numbers EXCEPT !.token = token])
     IN IF chosen = <<>> THEN turn
        ELSE WithEffect(PutEach(numbered, leased), Send(token, leased, Floor(state))))

\* [indefinite-fenced]
Holds(member, token) ==
    /\ member.status.kind = "in-flight"
    /\ member.status.token = token \/ Mutant = "retry-unfenced"

\* [only-answers-are-attempts] [parked-after-attempts] [back-off-bounded]
PutBack(config, turn, item, answered, after) ==
    (LET attempts == item.attempts + (IF answered \/ Mutant = "offline-counts" THEN 1 ELSE 0)
         delays == item.delays + 1
         wait == Least(Most(BackOff(config, delays), after), config.max_delay_ms)
     IN IF attempts >= config.max_attempts
        THEN WithEffect(Put(turn, IF Mutant = "parked-dropped" THEN Gone(item.seq)
                                  ELSE [item EXCEPT !.status = Parked, !.attempts = attempts]),
                        [kind |-> "parked", id |-> item.entry.id])
        ELSE Put(turn, [item EXCEPT !.status = Queued(turn.state.now + wait),
                                    !.attempts = attempts, !.delays = delays]))

Requeued(members) == [i \in DOMAIN members |-> [members[i] EXCEPT !.status = Queued(0)]]

\* [unreachable-backs-off]
Release(config, turn, token) ==
    (LET state == turn.state
         held == SelectSeq(state.queue, LAMBDA m : Holds(m, token))
         failures == state.failures + 1
         late == [turn EXCEPT !.state.failures = failures,
                              !.state.wait_until = state.now + BackOff(config, failures)]
     IN IF held = <<>> THEN turn ELSE PutEach(late, Requeued(held)))

\* [lease-expires]
Expire(turn) ==
    (LET over == SelectSeq(turn.state.queue, LAMBDA m :
                    m.status.kind = "in-flight" /\ m.status.until <= turn.state.now)
     IN IF Mutant = "lease-for-ever" THEN turn ELSE PutEach(turn, Requeued(over)))

\* --- settlement.py ---------------------------------------------------------

\* The server answers again. [back-off-resets]
Reached(turn) == [turn EXCEPT !.state.failures = 0, !.state.wait_until = 0]

\* It needs a version, and nothing in the queue will bring one. [base-unknown]
IsStranded(state, item) ==
    LacksBase(state, item.entry) /\ BaseMakers(state, item.entry, item.seq) = {}

\* What was never sent and cannot be sent without its parent: [item, code] each. No row will have
\* the parent's temporary id, nor the id it had in a dead epoch.
OrphanOf(state, parent, rows, member) ==
    IF ~IsItem(member) THEN <<>>
    ELSE IF Sent(member) \/ parent.seq \notin member.after THEN <<>>
    ELSE IF rows \cap Mentions(member.entry) # {} \* [parent-rejected]
    THEN <<[item |-> member, code |-> "parent-rejected"]>>
    ELSE IF IsStranded(state, member)
    THEN <<[item |-> member, code |-> "base-unknown"]>> \* [base-unknown]
    ELSE <<>>

RECURSIVE OrphansIn(_, _, _, _)
OrphansIn(state, parent, rows, queue) ==
    IF queue = <<>> THEN <<>>
    ELSE OrphanOf(state, parent, rows, Head(queue)) \o OrphansIn(state, parent, rows, Tail(queue))

\* The turn and the orphans of a number that comes to nothing.
Orphans(turn, parent) ==
    (LET known == {a \in turn.state.aliases : a.temporary = parent.entity /\ a.id # ""}
         rows == IF parent.temporary THEN {parent.entity} \cup {a.id : a \in known} ELSE {}
         put == IF parent.temporary THEN Put(turn, Alias(parent.entity, "")) ELSE turn
     IN [turn |-> put,
         children |-> IF parent.entity = "" \/ Mutant = "child-passes-parent" THEN <<>>
                      ELSE OrphansIn(put.state, parent, rows, put.state.queue)])

\* Rejected, and with it what cannot be sent without it: a list that grows. [rejected-removed]
RECURSIVE RefuseEach(_, _, _)
RefuseEach(config, turn, list) ==
    IF list = <<>> THEN turn
    ELSE IF ~CarriesItem(turn.state, list[1].item.seq) THEN RefuseEach(config, turn, Tail(list))
    ELSE (LET item == list[1].item
              told == IF item.told THEN Diagnosed(turn, "contradictory-verdict", item.entry.id)
                      ELSE Tell(turn, item.seq, item.entry.id, Refused(list[1].code))
              gone == IF Sent(item) THEN Gone(item.seq) ELSE Unused(config, turn.state, item.seq)
              after == Orphans(Put(told, gone), Trace(item))
              IsNew(child) == \A i \in DOMAIN list : list[i].item.seq # child.item.seq
          IN RefuseEach(config, after.turn, SelectSeq(after.children, IsNew) \o Tail(list)))

Refuse(config, turn, item, code) == RefuseEach(config, turn, <<[item |-> item, code |-> code]>>)

\* A number comes to nothing, and so does what cannot be sent without it.
Lost(config, turn, hole) ==
    (LET after == Orphans(Put(turn, Unused(config, turn.state, hole.seq)), hole)
     IN RefuseEach(config, after.turn, after.children))

\* Nobody will ever say what became of it. [abandoned-sent-in-doubt]
Lose(config, turn, item) ==
    (LET told == IF item.told THEN turn ELSE Tell(turn, item.seq, item.entry.id, InDoubt)
     IN Lost(config, Put(told, Doubt(item.seq, item.entry.id, item.entry.entity)), Trace(item)))

RECURSIVE Aliases(_)
Aliases(ids) ==
    IF ids = <<>> THEN <<>> ELSE <<Alias(ids[1].temporary, ids[1].id)>> \o Aliases(Tail(ids))

\* [ids-renamed]: in what was not sent yet, and for whatever comes later
LearnIds(turn, item, ids) ==
    (LET dead == {a \in turn.state.aliases :
                    a.id # "" /\ \E i \in Entries(ids) : i.temporary = a.temporary}
         old == {[temporary |-> a.id, id |-> RealId(a.temporary, Entries(ids))] : a \in dead}
         names == Entries(ids) \cup old
         named == PutEach(turn, Aliases(ids))
         children == SelectSeq(named.state.queue, LAMBDA m :
                        IF IsItem(m) THEN item.seq \in m.after /\ ~Sent(m) ELSE FALSE)
     IN IF ids = <<>> THEN turn
        ELSE PutEach(named, [i \in DOMAIN children |->
                [children[i] EXCEPT !.entry = Rename(children[i].entry, names)]]))

\* [base-version-own-only]: by the entity, so also for entries that are not queued yet
LearnVersion(turn, item, version) ==
    (LET state == turn.state
         entity == KnownAs(state, item.entry.entity)
         known == VersionOf(state, entity)
         stamp == [epoch |-> state.numbers.epoch, version |-> version]
         since == IF /\ known.stamp # NoStamp
                        /\ (known.stamp = item.base \/ item.entry.change.kind = "create")
                     THEN known.since
                  ELSE IF item.base = NoStamp THEN stamp ELSE item.base
     IN IF version = None \/ (known.stamp # NoStamp /\ StampAtMost(stamp, known.stamp)) THEN turn
        ELSE Put(turn, OwnVersion(entity, stamp, since)))

\* Of an acknowledged item; its version may have been given before.
Learn(turn, item, accepted) ==
    LearnVersion(LearnIds(turn, item, accepted.ids), item,
                 IF accepted.version = None THEN item.status.version ELSE accepted.version)

\* The documents hold its effect. What needs a version that it did not bring cannot be sent.
Leave(config, turn, item) ==
    (LET entity == KnownAs(turn.state, item.entry.entity)
         hole == [Hole(item.seq, Open) EXCEPT !.entity = entity]
         after == Orphans(Put(turn, Gone(item.seq)), hole)
     IN RefuseEach(config, after.turn, after.children))

\* [acked-until-covered]: not sent again, holds nobody back, still shown
Accept(config, turn, item, accepted) ==
    (LET told == IF item.told /\ Mutant # "told-again" THEN turn
                 ELSE Tell(turn, item.seq, item.entry.id, accepted)
         acked == [item EXCEPT !.told = TRUE,
                               !.status = Acked(accepted.server_seq, accepted.version)]
         learnt == Learn(Put(told, acked), acked, accepted)
         covered == accepted.server_seq <= turn.state.numbers.server_seq
     IN IF covered \/ Mutant = "ok-removes" THEN Leave(config, learnt, acked) ELSE learnt)

\* A definite verdict: settles by identity; the first one stands.
Verdict(config, turn, item, given) ==
    (LET acked == item.status.kind = "acked"
         same == given.kind = "accepted" /\ acked /\ item.status.server_seq = given.server_seq
     IN IF ~Sent(item) THEN Diagnosed(turn, "not-sent", item.entry.id) \* [answer-to-unsent-ignored]
        ELSE IF same THEN Learn(turn, item, given)
        ELSE IF acked \* [first-settlement-stands]
        THEN Diagnosed(turn, "contradictory-verdict", item.entry.id)
        ELSE IF given.kind = "accepted" THEN Accept(config, turn, item, given)
        ELSE Refuse(config, turn, item, given.code))

\* A verdict that comes too late to settle anything. [late-verdict-no-op]
Late(turn, id) ==
    IF \E d \in Entries(turn.state.doubts) : d.id = id THEN Diagnosed(turn, "late-verdict", id)
    ELSE turn

\* A watermark server decides in order, skips included. [unused-number-skipped]
SkipsArrived(config, turn, item) ==
    (LET over == SelectSeq(turn.state.queue, LAMBDA m :
                    m.seq < item.seq /\ m.kind = "hole" /\ m.status.kind # "open")
     IN IF config.mode # "ordered" \/ ~Sent(item) THEN turn
        ELSE PutEach(turn, [i \in DOMAIN over |-> Gone(over[i].seq)]))

ResultOf(config, turn, token, item, outcome) ==
    (LET held == Holds(item, token)
     IN CASE outcome.kind \in {"accepted", "refused"} -> \* [definite-settles-any-lease]
                (IF Mutant = "definite-fenced" /\ ~held THEN turn
                 ELSE SkipsArrived(config, Verdict(config, Reached(turn), item, outcome), item))
          [] outcome.kind = "retry" -> \* [indefinite-fenced]
                (IF held THEN PutBack(config, Reached(turn), item, TRUE, outcome.after) ELSE turn)
          [] outcome.kind = "unknown" ->
                (IF held THEN PutBack(config, turn, item, FALSE, 0) ELSE turn))

\* The answer to what was sent before this entry took the id is not about it. [late-verdict-no-op]
Result(config, turn, token, result) ==
    IF ~IsNamed(turn.state, result.id) THEN Late(turn, result.id)
    ELSE (LET item == Named(turn.state, result.id)
          IN IF token < item.first THEN Late(turn, result.id)
             ELSE ResultOf(config, turn, token, item, result.outcome))

RECURSIVE ResultEach(_, _, _, _)
ResultEach(config, turn, token, results) ==
    IF results = <<>> THEN turn
    ELSE ResultEach(config, Result(config, turn, token, Head(results)), token, Tail(results))

\* The results of one answer, each by its entry id. [settle-by-entry-id]
Settle(config, turn, given) ==
    IF given.epoch < turn.state.numbers.epoch /\ Mutant # "dead-epoch-heard"
    THEN turn \* [dead-epoch-ignored]
    ELSE IF given.epoch > turn.state.numbers.epoch \* [higher-epoch-asks-snapshot]
    THEN WithEffect(turn, [kind |-> "resync"])
    ELSE ResultEach(config, turn, given.token, given.results)

RECURSIVE LabelEach(_, _, _, _)
LabelEach(config, turn, delta, labels) ==
    IF labels = <<>> THEN turn
    ELSE (LET label == Head(labels)
              accepted == Accepted(delta.server_seq, label.version, label.ids)
              mine == label.client = config.client /\ CarriesItem(turn.state, label.seq)
          IN LabelEach(config,
                IF mine THEN Verdict(config, turn, Get(turn.state, label.seq), accepted) ELSE turn,
                delta, Tail(labels)))

\* [label-settles-entry] [cursor-never-back]
DeltaApplied(config, turn, delta) ==
    (LET numbers == turn.state.numbers
         cursor == Most(numbers.server_seq, delta.server_seq)
         moved == Numbered(turn, [numbers EXCEPT !.server_seq = cursor])
     IN IF delta.epoch < numbers.epoch THEN turn \* [dead-epoch-ignored]
        ELSE IF delta.epoch > numbers.epoch THEN Refusing(turn, "epoch-ahead") \* [epoch-ahead]
        ELSE LabelEach(config, moved, delta, delta.settles))

\* What the outcomes say about one number: the last that names it.
RECURSIVE OutcomeOf(_, _)
OutcomeOf(outcomes, seq) ==
    IF outcomes[Len(outcomes)].seq = seq THEN outcomes[Len(outcomes)].verdict
    ELSE OutcomeOf(SubSeq(outcomes, 1, Len(outcomes) - 1), seq)

\* In a new epoch no ack and no lease counts. [dead-epoch-ack-queued] [epoch-ends-leases]
Undecided(turn, seq) ==
    (LET member == Get(turn.state, seq)
         ends == IF Mutant = "dead-ack-stays" THEN {"in-flight"} ELSE {"acked", "in-flight"}
     IN IF member.status.kind \in ends
        THEN Put(turn, [member EXCEPT !.status = Queued(0)]) ELSE turn)

\* What a snapshot makes of one member.
Outcome(config, turn, snapshot, reborn, seq) ==
    (LET kept == IF reborn THEN Undecided(turn, seq) ELSE turn
         item == Get(kept.state, seq)
     IN IF ~IsItem(item) THEN kept
        ELSE IF seq \in Seqs(snapshot.outcomes) \* [outcome-settles-entry]
        THEN Verdict(config, kept, item, OutcomeOf(snapshot.outcomes, seq))
        ELSE IF reborn /\ Sent(item) /\ ~snapshot.client_known \* [unknown-client-in-doubt]
        THEN Lose(config, kept, item)
        ELSE kept)

RECURSIVE OutcomeEach(_, _, _, _, _)
OutcomeEach(config, turn, snapshot, reborn, seqs) ==
    IF seqs = <<>> THEN turn
    ELSE OutcomeEach(config,
            IF IsMember(turn.state, Head(seqs))
            THEN Outcome(config, turn, snapshot, reborn, Head(seqs)) ELSE turn,
            snapshot, reborn, Tail(seqs))

SnapshotApplied(config, turn, snapshot) ==
    (LET numbers == turn.state.numbers
         reborn == snapshot.epoch > numbers.epoch
         older == \/ snapshot.epoch < numbers.epoch
                  \/ (snapshot.epoch = numbers.epoch /\ snapshot.server_seq < numbers.server_seq)
         moved == [numbers EXCEPT !.epoch = snapshot.epoch, !.server_seq = snapshot.server_seq,
                                  !.watermark = IF reborn THEN None ELSE numbers.watermark]
     IN IF older THEN turn \* [cursor-never-back]
        ELSE OutcomeEach(config, Numbered(turn, moved), snapshot, reborn,
                         SeqsOf(turn.state.queue)))

\* What a watermark makes of one number that it passed. It settles what it names and, if it names
\* what was refused, what it does not name; but not what awaits an id. [watermark-is-no-verdict]
PassedBy(config, turn, given, seq) ==
    (LET member == Get(turn.state, seq)
         named == {r \in Entries(given.refused) : r.seq = seq}
         refusal == CHOOSE r \in named : TRUE
         at == IF member.status.kind = "acked" THEN member.status.server_seq ELSE given.server_seq
     IN IF ~IsItem(member) THEN Put(turn, Gone(seq))
        ELSE IF named # {} THEN Verdict(config, turn, member, Refused(refusal.code))
        ELSE IF given.named /\ ~MakesRow(member.entry)
        THEN Verdict(config, turn, member, Accepted(at, None, <<>>)) ELSE turn)

RECURSIVE PassedEach(_, _, _, _)
PassedEach(config, turn, given, seqs) ==
    IF seqs = <<>> THEN turn
    ELSE PassedEach(config,
            IF Head(seqs) <= given.upto /\ IsMember(turn.state, Head(seqs))
            THEN PassedBy(config, turn, given, Head(seqs)) ELSE turn,
            given, Tail(seqs))

\* The numbers from one on that carry nothing, up to the counter. [unused-number-skipped]
RECURSIVE Skips(_, _, _)
Skips(config, state, seq) ==
    IF seq > state.numbers.counter THEN <<>>
    ELSE (IF IsMember(state, seq) THEN <<>> ELSE <<Unused(config, state, seq)>>)
         \o Skips(config, state, seq + 1)

\* [watermark-retires-overlays]: it never goes back
WatermarkPassed(config, turn, given) ==
    (LET numbers == turn.state.numbers
         moved == Numbered(turn, [numbers EXCEPT !.watermark = given.upto,
                                                 !.counter = Most(numbers.counter, given.upto)])
         passed == PassedEach(config, moved, given, SeqsOf(turn.state.queue))
     IN IF given.epoch < numbers.epoch THEN turn \* [dead-epoch-ignored]
        ELSE IF given.epoch > numbers.epoch THEN Refusing(turn, "epoch-ahead") \* [epoch-ahead]
        ELSE IF given.server_seq > numbers.server_seq \* [watermark-ahead]
        THEN Refusing(turn, "watermark-ahead")
        ELSE IF numbers.watermark # None /\ given.upto < numbers.watermark THEN turn
        ELSE IF numbers.watermark = None /\ config.mode = "ordered"
        THEN PutEach(passed, Skips(config, passed.state, given.upto + 1))
        ELSE passed)

RECURSIVE CoverEach(_, _, _)
CoverEach(config, turn, members) ==
    IF members = <<>> THEN turn
    ELSE CoverEach(config, Leave(config, turn, Head(members)), Tail(members))

\* [acked-until-covered]
Cover(config, turn) ==
    IF turn.error # "" THEN turn
    ELSE CoverEach(config, turn, SelectSeq(turn.state.queue, LAMBDA m :
            m.status.kind = "acked" /\ m.status.server_seq <= turn.state.numbers.server_seq))

\* --- step.py ---------------------------------------------------------------

\* [number-durable]
Take(turn) ==
    (LET number == turn.state.numbers.counter + 1
     IN Put(Numbered(turn, [turn.state.numbers EXCEPT !.counter = number]), Hole(number, Open)))

GiveUp(config, turn, seq) ==
    IF IsOpen(turn.state, seq) THEN Put(turn, Unused(config, turn.state, seq))
    ELSE Refusing(turn, "number-not-open") \* [number-not-open]

Cancel(config, turn, item) == \* [cancel-only-unsent]
    IF Sent(item) THEN Refusing(turn, "already-sent") ELSE Refuse(config, turn, item, "cancelled")

Abandon(config, turn, item) == \* [abandoned-sent-in-doubt]
    IF Sent(item) THEN Lose(config, turn, item) ELSE Refusing(turn, "never-sent")

Resume(turn, item) == \* [parked-resumes]
    IF item.status.kind # "parked" THEN Refusing(turn, "not-parked")
    ELSE Put(turn, [item EXCEPT !.status = Queued(0), !.attempts = 0, !.delays = 0])

\* What the application may ask for an entry in the queue.
Asked(config, turn, given) ==
    IF ~IsNamed(turn.state, given.id) THEN Refusing(turn, "unknown-entry") \* [unknown-entry]
    ELSE (LET item == Named(turn.state, given.id)
          IN CASE item.status.kind = "acked" -> Refusing(turn, "already-accepted")
               [] item.status.kind # "acked" /\ given.kind = "cancel" -> Cancel(config, turn, item)
               [] item.status.kind # "acked" /\ given.kind = "abandon" ->
                    Abandon(config, turn, item)
               [] item.status.kind # "acked" /\ given.kind = "resume" -> Resume(turn, item))

\* [doubt-lifted-by-read]
HasRead(turn, entity) ==
    (LET state == turn.state
         about == SelectSeq(state.doubts, LAMBDA d :
                    KnownAs(state, d.entity) = KnownAs(state, entity))
     IN PutEach(turn, [i \in DOMAIN about |-> DoubtLifted(about[i].seq)]))

\* [report-kept-until-consumed]
Consume(turn, upto) ==
    IF \E r \in Entries(turn.state.reports) : r.number <= upto THEN Put(turn, Consumed(upto))
    ELSE turn

\* What a new life makes of one member.
Outlived(config, turn, member) ==
    (LET again == [member EXCEPT !.status = Queued(0), !.delays = 0]
     IN CASE member.status.kind = "open" -> Lost(config, turn, member) \* [unused-number-skipped]
          [] member.status.kind \in {"in-flight", "queued"} /\ IsItem(member) ->
                (IF \/ again = member
                    \/ (Mutant = "lease-survives" /\ member.status.kind = "in-flight")
                 THEN turn ELSE Put(turn, again)) \* [lease-ends-at-restart]
          [] member.status.kind = "in-flight" /\ ~IsItem(member) ->
                Put(turn, Hole(member.seq, Queued(0)))
          [] OTHER -> turn)

RECURSIVE OutlivedEach(_, _, _)
OutlivedEach(config, turn, members) ==
    IF members = <<>> THEN turn
    ELSE OutlivedEach(config, Outlived(config, turn, Head(members)), Tail(members))

\* What waits for a version that only an earlier life was to learn. [base-unknown]
Stranded(config, turn) ==
    (LET IsLost(m) == IF IsItem(m) THEN ~Sent(m) /\ IsStranded(turn.state, m) ELSE FALSE
         found == SelectSeq(turn.state.queue, IsLost)
     IN RefuseEach(config, turn,
                   [i \in DOMAIN found |-> [item |-> found[i], code |-> "base-unknown"]]))

RECURSIVE TellAgain(_, _)
TellAgain(turn, reports) ==
    IF reports = <<>> THEN turn
    ELSE TellAgain(WithEffect(turn, Told(Head(reports))), Tail(reports))

\* No worker, lease, back-off or open number outlives a process. [report-kept-until-consumed]
Restart(config, turn) ==
    (LET told == TellAgain([turn EXCEPT !.state = Reborn(turn.state)], turn.state.reports)
         direct == SelectSeq(turn.state.queue, LAMBDA m : IF IsItem(m) THEN ~m.stored ELSE FALSE)
         traced == PutEach(told, [i \in DOMAIN direct |-> Stored(direct[i])])
         outlived == OutlivedEach(config, traced, traced.state.queue) \* [direct-write-is-gated]
     IN Stranded(config, outlived))

Transition(config, turn, given) ==
    (CASE given.kind = "take" -> Take(turn)
       [] given.kind = "give-up" -> GiveUp(config, turn, given.seq)
       [] given.kind = "enqueue" -> Enqueue(config, turn, given, 1)
       [] given.kind = "reserve" -> Reserve(config, turn, given.limit)
       [] given.kind = "settle" -> Settle(config, turn, given)
       [] given.kind = "release" -> Release(config, turn, given.token)
       [] given.kind = "delta" -> Cover(config, DeltaApplied(config, turn, given))
       [] given.kind = "snapshot" -> Cover(config, SnapshotApplied(config, turn, given))
       [] given.kind = "watermark" -> Cover(config, WatermarkPassed(config, turn, given))
       [] given.kind \in {"cancel", "abandon", "resume"} -> Asked(config, turn, given)
       [] given.kind = "has-read" -> HasRead(turn, given.entity)
       [] given.kind = "consume" -> Consume(turn, given.upto)
       [] given.kind = "tick" ->
            Expire([turn EXCEPT !.state.now = Most(turn.state.now, given.now)])
       [] given.kind = "restart" -> Restart(config, turn))

\* The next state and the ordered effects; or the same state and one error.
Step(config, before, given) ==
    (LET turn == Transition(config, Turn(before), given)
     IN IF turn.error = "" THEN Done(turn) \* [outbox-refusal-changes-nothing]
        ELSE [state |-> before, effects |-> <<>>, error |-> turn.error])
===============================================================================
