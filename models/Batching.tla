------------------------------- MODULE Batching -------------------------------
(***************************************************************************)
(* The pipeline machine: one input, the next state, the ordered effects.   *)
(* Written by hand, rule by rule and under the same names as               *)
(* reference/optisync/pipeline (HandOver is `hand_over`, HeldBack is       *)
(* `held_back`, ...); `optisync models graph pipeline` holds the two state *)
(* graphs against each other.  Pure operators on records: no variable is   *)
(* declared here.                                                          *)
(*                                                                         *)
(*   Step(config, before, given) = [state |-> .., effects |-> <<..>>,      *)
(*                                  error |-> "" or a code]                *)
(*                                                                         *)
(* config   [client, capacity, history, remembered].                       *)
(* before   a state: `Start(docs, versions)` or one reached by Step.       *)
(* given    a record with a field `kind`; fields as in the Python inputs:  *)
(*          begin | drain | dispatch event seqs context persist_key        *)
(*          optimistic ticket | persisted handle outcome                   *)
(*          | decided id verdict epoch | fetched rows | hydrate rows       *)
(*          | delta epoch server_seq changes settles                       *)
(*          | snapshot epoch server_seq docs outcomes client_known         *)
(*            versions                                                     *)
(*          | await wait ticket mode timeout on_timeout | cancel ticket    *)
(*          | abandon ticket | revert direction seqs scope persist_key     *)
(*            ticket | tick now                                            *)
(*                                                                         *)
(* What is abstract: a document is two members, the number `a` and the     *)
(* text `b`, which may be an id; an operation of a patch replaces one of   *)
(* them or (place "") both.  An entity is its own atom.  An id of an entry *)
(* or an action is its owner and its number.  The indexes of the pending   *)
(* writes and the set `awaited` follow from the rest and are left out.     *)
(* What is not there is None, NoStamp, NoDoc, NoChange, NoName or, where a *)
(* text is expected, "".                                                   *)
(*                                                                         *)
(* Mutant = "none" is the machine.  Any other value removes one guard; the *)
(* values are those compared with `Mutant` below.                          *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANT Mutant

None == -1
NoStamp == [epoch |-> None, version |-> None]
NoDoc == [a |-> 0, b |-> ""]
NoChange == [kind |-> "none", doc |-> NoDoc, patch |-> <<>>]
NoName == [owner |-> "", number |-> None]

Entries(list) == {list[i] : i \in DOMAIN list}
Most(left, right) == IF left < right THEN right ELSE left
Least(numbers) == CHOOSE n \in numbers : \A m \in numbers : n <= m

RECURSIVE Ascending(_)
Ascending(numbers) ==
    IF numbers = {} THEN <<>>
    ELSE <<Least(numbers)>> \o Ascending(numbers \ {Least(numbers)})

\* The last so many of a list, and those before them.
LastOf(list, n) == IF Len(list) <= n THEN list ELSE SubSeq(list, Len(list) - n + 1, Len(list))
AllBut(list, n) == IF Len(list) <= n THEN <<>> ELSE SubSeq(list, 1, Len(list) - n)

\* --- view.py -----------------------------------------------------------------

RECURSIVE Patched(_, _)
Patched(doc, patch) ==
    IF patch = <<>> THEN doc
    ELSE (LET op == Head(patch)
          IN Patched(IF op.place = "a" THEN [doc EXCEPT !.a = op.doc.a]
                     ELSE IF op.place = "b" THEN [doc EXCEPT !.b = op.doc.b]
                     ELSE op.doc, Tail(patch)))

OpOf(place, doc) ==
    [place |-> place, doc |-> IF place = "a" THEN [doc EXCEPT !.b = ""]
                              ELSE IF place = "b" THEN [doc EXCEPT !.a = 0] ELSE doc]

\* [patch-inverse]
RECURSIVE InvertPatch(_, _)
InvertPatch(doc, patch) ==
    IF patch = <<>> THEN <<>>
    ELSE InvertPatch(Patched(doc, <<Head(patch)>>), Tail(patch))
         \o <<OpOf(patch[1].place, doc)>>

Create(doc) == [NoChange EXCEPT !.kind = "create", !.doc = doc]
Update(patch) == [NoChange EXCEPT !.kind = "update", !.patch = patch]
Upsert(doc, patch) == [kind |-> "upsert", doc |-> doc, patch |-> patch]
Delete == [NoChange EXCEPT !.kind = "delete"]
Whole(doc) == Update(<<OpOf("", doc)>>)

\* [write-action-table]
Applies(doc, change) ==
    (CASE change.kind = "create" -> doc = NoDoc
       [] change.kind = "upsert" -> TRUE
       [] OTHER -> doc # NoDoc)

Applied(doc, change) ==
    (CASE change.kind = "delete" -> NoDoc
       [] change.kind = "update" -> Patched(doc, change.patch)
       [] OTHER -> IF doc = NoDoc \/ change.patch = <<>> THEN change.doc
                   ELSE Patched(doc, change.patch))

Inverted(doc, change) ==
    IF doc = NoDoc THEN Delete
    ELSE IF change.kind \in {"create", "delete"} THEN Create(doc)
    ELSE IF change.patch = <<>> THEN Whole(doc)
    ELSE Update(InvertPatch(doc, change.patch))

\* [conflict-is-overlap]
Overlap(left, right) ==
    IF left.kind = "update" /\ right.kind = "update"
    THEN \E p \in Entries(left.patch) : \E q \in Entries(right.patch) :
            p.place = q.place \/ p.place = "" \/ q.place = ""
    ELSE TRUE

DocOf(docs, entity) ==
    IF \E d \in docs : d.entity = entity
    THEN (LET found == CHOOSE d \in docs : d.entity = entity IN found.doc) ELSE NoDoc

PutDoc(docs, entity, doc) ==
    {d \in docs : d.entity # entity}
    \cup (IF doc = NoDoc THEN {} ELSE {[entity |-> entity, doc |-> doc]})

\* The view: [view-is-fold]
RECURSIVE Fold(_, _)
Fold(docs, pending) ==
    IF pending = <<>> THEN docs
    ELSE (LET m == Head(pending)
              doc == DocOf(docs, m.write.entity)
          IN IF m.optimistic /\ Applies(doc, m.write.change)
             THEN Fold(PutDoc(docs, m.write.entity, Applied(doc, m.write.change)), Tail(pending))
             ELSE Fold(docs, Tail(pending)))

RECURSIVE ApplyEach(_, _)
ApplyEach(docs, changes) ==
    IF changes = <<>> THEN docs
    ELSE (LET entity == changes[1].entity
          IN ApplyEach(PutDoc(docs, entity, Applied(DocOf(docs, entity), changes[1].change)),
                       Tail(changes)))
ApplyAll(docs, changes) ==
    \A i \in DOMAIN changes : Applies(DocOf(docs, changes[i].entity), changes[i].change)

\* --- compose.py --------------------------------------------------------------

Impossible == [NoChange EXCEPT !.kind = "impossible"]

\* Of the changes that patches and inverses consist of, which are no upserts.
\* [patches-to-entries]
Compose(first, then) ==
    (LET kinds == <<first.kind, then.kind>>
     IN CASE first.kind = "none" -> then
          [] kinds = <<"create", "update">> -> Create(Patched(first.doc, then.patch))
          [] kinds = <<"create", "delete">> -> NoChange
          [] kinds = <<"update", "update">> -> Update(first.patch \o then.patch)
          [] kinds = <<"update", "delete">> -> then
          [] kinds = <<"delete", "create">> -> Whole(then.doc)
          [] OTHER -> Impossible)

\* A list of [entity, change], one for each entity, with one change more.
Composed(list, entity, change) ==
    IF \E i \in DOMAIN list : list[i].entity = entity
    THEN [i \in DOMAIN list |->
            IF list[i].entity = entity
            THEN [list[i] EXCEPT !.change = Compose(list[i].change, change)] ELSE list[i]]
    ELSE Append(list, [entity |-> entity, change |-> change])

RECURSIVE ComposeEach(_, _)
ComposeEach(list, more) ==
    IF more = <<>> THEN list
    ELSE IF \E e \in Entries(list) : e.change.kind = "impossible" THEN list
    ELSE ComposeEach(Composed(list, more[1].entity, more[1].change), Tail(more))

IsSome(made) == made.change.kind # "none"

Write(entity, change, temporary) ==
    [entity |-> entity, change |-> change, temporary |-> temporary]

WritesOf(event) ==
    IF event.kind = "write" THEN <<event.write>>
    ELSE (LET made == SelectSeq(ComposeEach(<<>>, event.rows), IsSome)
          IN [i \in DOMAIN made |-> Write(made[i].entity, made[i].change, FALSE)])

\* [event-malformed]
Malformed(writes) ==
    \/ writes = <<>>
    \/ \E w \in Entries(writes) :
          \/ w.change.kind = "impossible"
          \/ w.entity.resource = "" \/ w.entity.id = ""
          \/ w.temporary /\ w.change.kind \notin {"create", "upsert"}
          \/ w.change.kind = "update" /\ w.change.patch = <<>>

\* --- pending.py, state.py ----------------------------------------------------

Place(kind) == [kind |-> kind, server_seq |-> None, version |-> None]
Accepted(server_seq, version) ==
    [kind |-> "accepted", server_seq |-> server_seq, version |-> version]

IsAccepted(mutation) == mutation.status.kind = "accepted"

Ticket(number) ==
    [number |-> number, first |-> None, undecided |-> <<>>, status |-> "pending",
     refused |-> [seq |-> None, code |-> ""], doubt |-> FALSE, waits |-> <<>>]

Start(docs, versions) ==
    [docs |-> docs, epoch |-> 1, server_seq |-> 0, loaded |-> FALSE, hydrated |-> {},
     doubted |-> {}, versions |-> versions, aliases |-> {}, pending |-> <<>>, numbered |-> 0, queue |-> <<>>,
     window |-> {},
     waiting |-> <<>>, handed |-> {}, tickets |-> {}, begun |-> 0,
     decided |-> <<>>, now |-> 0, members |-> {}, history |-> {}]

IsPending(state, seq) == \E m \in Entries(state.pending) : m.seq = seq
Get(state, seq) == CHOOSE m \in Entries(state.pending) : m.seq = seq

\* The pending writes of an entity; those that name a number among what they depend on.
Of(state, entity) == SelectSeq(state.pending, LAMBDA m : m.write.entity = entity)
DependingOn(state, seq) == SelectSeq(state.pending, LAMBDA m : seq \in m.makers \cup m.needs)
Makers(state, text) ==
    {m \in Entries(state.pending) : m.write.temporary /\ m.write.entity.id = text}

RECURSIVE Placed(_, _)
Placed(pending, m) ==
    IF pending = <<>> THEN <<m>>
    ELSE IF m.seq < pending[1].seq THEN <<m>> \o pending
    ELSE IF m.seq = pending[1].seq THEN <<m>> \o Tail(pending)
    ELSE <<Head(pending)>> \o Placed(Tail(pending), m)

HasTicket(state, number) == \E t \in state.tickets : t.number = number
TicketOf(state, number) == CHOOSE t \in state.tickets : t.number = number

IsMember(state, seq) == \E m \in state.members : m.seq = seq
MemberOf(state, seq) == CHOOSE m \in state.members : m.seq = seq

NoStacks(scope) == [scope |-> scope, undo |-> <<>>, redo |-> <<>>]
StacksOf(state, scope) ==
    IF \E h \in state.history : h.scope = scope
    THEN CHOOSE h \in state.history : h.scope = scope ELSE NoStacks(scope)

StampOf(state, entity) ==
    IF \E v \in state.versions : v.entity = entity
    THEN (LET found == CHOOSE v \in state.versions : v.entity = entity IN found.stamp)
    ELSE NoStamp
WithStamp(versions, entity, stamp) ==
    {v \in versions : v.entity # entity} \cup {[entity |-> entity, stamp |-> stamp]}

\* A text, or the id that one of the names [temporary, id] gives it.
Named(text, names) ==
    IF \E n \in names : n.temporary = text
    THEN (LET found == CHOOSE n \in names : n.temporary = text IN found.id) ELSE text

RenamedDoc(doc, names) == [doc EXCEPT !.b = Named(doc.b, names)]
Rename(write, names) ==
    (LET entity == [write.entity EXCEPT !.id = Named(write.entity.id, names)]
         patch == write.change.patch
         change == [write.change EXCEPT
            !.doc = RenamedDoc(write.change.doc, names),
            !.patch = [i \in DOMAIN patch |-> [patch[i] EXCEPT !.doc = RenamedDoc(@, names)]]]
     IN Write(entity, change, write.temporary /\ entity = write.entity))

\* With temporary ids replaced by the server's. [ids-in-view]
Known(state) == {a \in state.aliases : a.id # ""}
KnownEntity(state, entity) == [entity EXCEPT !.id = Named(entity.id, Known(state))]
KnownWrite(state, write) == Rename(write, Known(state))

Mentions(write) ==
    {write.entity.id, write.change.doc.b} \cup {op.doc.b : op \in Entries(write.change.patch)}

\* [base-raised-by-own-only]
\* A create is made on no version; a plan that saw none beside it can only have seen the create.
MadeUpon(seen, m) == seen = m.base \/ (seen = NoStamp /\ m.write.change.kind = "create")

RECURSIVE Raised(_, _, _)
Raised(epoch, stamp, own) ==
    IF own = <<>> THEN stamp
    ELSE (LET m == Head(own)
              raises == IsAccepted(m) /\ m.status.version # None /\ MadeUpon(stamp, m)
          IN Raised(epoch, IF raises THEN [epoch |-> epoch, version |-> m.status.version]
                           ELSE stamp, Tail(own)))
VersionSeen(state, entity) == Raised(state.epoch, StampOf(state, entity), Of(state, entity))

\* --- turn.py -----------------------------------------------------------------

\* A step in the making: the state so far, the tickets of which a write moved, whether something
\* else is shown, what follows, why it is refused.
Turn(state) ==
    [state |-> state, touched |-> {}, changed |-> FALSE, effects |-> <<>>, error |-> ""]

EntryId(config, seq) == [owner |-> config.client, number |-> seq]

\* What a pending write shows. [own-change-only]
Overlay(m) == IF m.optimistic THEN <<m.write.entity, m.write.change>> ELSE <<>>

Put(turn, m) ==
    (LET state == turn.state
         same == IF IsPending(state, m.seq) THEN Overlay(Get(state, m.seq)) = Overlay(m)
                 ELSE FALSE
     IN [turn EXCEPT !.state.pending = Placed(state.pending, m),
                     !.touched = turn.touched \cup {m.ticket},
                     !.changed = turn.changed \/ ~same])

Drop(turn, m) ==
    [turn EXCEPT !.state.pending = SelectSeq(turn.state.pending, LAMBDA n : n.seq # m.seq),
                 !.touched = turn.touched \cup {m.ticket},
                 !.changed = TRUE]

WithEffect(turn, effect) == [turn EXCEPT !.effects = Append(turn.effects, effect)]
Diagnosed(turn, code, id) == WithEffect(turn, [kind |-> "diag", code |-> code, id |-> id])

\* [pipeline-error-codes]
Refusing(turn, error) == [turn EXCEPT !.error = error]

\* What is shown and told comes first, then what is done. [visible-before-told]
RECURSIVE InOrder(_, _)
InOrder(effects, kinds) ==
    IF kinds = <<>> THEN <<>>
    ELSE SelectSeq(effects, LAMBDA e : e.kind = kinds[1]) \o InOrder(effects, Tail(kinds))

Done(turn) ==
    [state |-> turn.state, error |-> "",
     effects |-> (IF turn.changed THEN <<[kind |-> "changed"]>> ELSE <<>>)
                 \o InOrder(turn.effects, <<"told", "answered", "diag", "stale", "withdraw",
                                            "resync", "schedule", "persist">>)]

\* --- documents.py ------------------------------------------------------------

StampAtMost(left, right) ==
    \/ left.epoch < right.epoch
    \/ (left.epoch = right.epoch /\ left.version <= right.version)

\* [versions-never-down] [deleted-leaves-version]
IsStale(state, entity, version) ==
    (LET known == StampOf(state, entity)
     IN known # NoStamp /\ Mutant # "versions-down"
        /\ (version = None \/ StampAtMost([epoch |-> state.epoch, version |-> version], known)))

PutRow(turn, entity, doc, version) ==
    (LET state == turn.state
         stamp == [epoch |-> state.epoch, version |-> version]
         touches == doc # NoDoc \/ DocOf(state.docs, entity) # NoDoc
     IN IF IsStale(state, entity, version) THEN turn
        ELSE [turn EXCEPT
                !.state.docs = PutDoc(state.docs, entity, doc),
                !.state.hydrated = state.hydrated \ {entity},
                !.state.doubted = state.doubted \ {entity},
                !.state.versions = IF version = None THEN state.versions
                                   ELSE WithStamp(state.versions, entity, stamp),
                !.changed = turn.changed \/ touches])

\* --- history.py --------------------------------------------------------------

\* What the documents were before, if anybody knows.
Before(docs) == [known |-> TRUE, docs |-> docs]
Nobody == [known |-> FALSE, docs |-> {}]

UnitSeqs(units) == UNION {Entries(u.seqs) : u \in Entries(units)}

Stacked(turn, stacks, gone, new) ==
    (LET state == turn.state
         left == {m \in state.members : m.seq \notin UnitSeqs(gone) \cup Entries(new)}
         made == {[seq |-> seq, write |-> (LET m == Get(state, seq) IN m.write),
                   inverse |-> NoChange] : seq \in Entries(new)}
     IN [turn EXCEPT
            !.state.members = left \cup made,
            !.state.history = {h \in state.history : h.scope # stacks.scope} \cup {stacks}])

\* [undo-by-action]
Recorded(config, turn, seqs, context) ==
    (LET stacks == StacksOf(turn.state, context.scope)
         undo == stacks.undo
         top == Len(undo)
         joins == IF undo = <<>> \/ stacks.redo # <<>> THEN FALSE
                  ELSE undo[top].action = context.action
         units == IF joins THEN [undo EXCEPT ![top].seqs = undo[top].seqs \o seqs]
                  ELSE Append(undo, [action |-> context.action, seqs |-> seqs])
         kept == [scope |-> context.scope, undo |-> LastOf(units, config.history), redo |-> <<>>]
     IN Stacked(turn, kept, stacks.redo \o AllBut(units, config.history), seqs))

\* [rejected-leaves-unit]
LeftOut(turn, seq) ==
    IF Mutant = "refused-stays-in-unit" THEN turn
    ELSE [turn EXCEPT !.state.members = {m \in turn.state.members : m.seq # seq}]

\* [inverse-afresh]
RecordedInverse(turn, m, before) ==
    (LET doc == DocOf(before.docs, m.write.entity)
         member == [seq |-> m.seq, write |-> m.write, inverse |-> Inverted(doc, m.write.change)]
         others == {n \in turn.state.members : n.seq # m.seq}
     IN IF ~IsMember(turn.state, m.seq) THEN turn
        ELSE IF ~before.known \/ ~Applies(doc, m.write.change) THEN LeftOut(turn, m.seq)
        ELSE [turn EXCEPT !.state.members = others \cup {member}])

\* --- plan.py -----------------------------------------------------------------

KindOf(event, writes) ==
    IF event.kind = "patches" THEN "patches"
    ELSE IF writes[1].change.kind = "create" THEN "create" ELSE "write"

\* [number-order]
OutOfOrder(state, writes, seqs) ==
    (LET all == <<state.numbered>> \o seqs
     IN Len(seqs) # Len(writes) \/ \E i \in 1..(Len(all) - 1) : all[i] >= all[i + 1])

Planned(state, write, seq, ticket, optimistic, needs) ==
    (LET known == KnownWrite(state, write)
     IN [seq |-> seq, ticket |-> ticket, write |-> known,
         base |-> VersionSeen(state, known.entity), optimistic |-> optimistic,
         makers |-> {m.seq : m \in UNION {Makers(state, text) : text \in Mentions(write)}},
         needs |-> needs, status |-> Place("waiting")])

\* [temporary-id-once]
Reused(state, write) ==
    /\ write.temporary
    /\ \/ \E a \in state.aliases : a.temporary = write.entity.id
       \/ Makers(state, write.entity.id) # {}
Dead(state, write) == \E a \in state.aliases : a.id = "" /\ a.temporary \in Mentions(write)

\* order: [seqs, ticket, optimistic, needs], each write with its own number and needs.
RECURSIVE PlanEach(_, _, _, _)
PlanEach(turn, order, writes, i) ==
    IF i > Len(writes) THEN turn
    ELSE IF Reused(turn.state, writes[i]) THEN Refusing(turn, "temporary-id-reused")
    ELSE IF Dead(turn.state, writes[i]) THEN Refusing(turn, "parent-rejected")
    ELSE PlanEach(Put(turn, Planned(turn.state, writes[i], order.seqs[i], order.ticket,
                                    order.optimistic, order.needs[i])), order, writes, i + 1)

\* [unknown-ticket] [ticket-used]
TicketError(state, number) ==
    IF number = None THEN ""
    ELSE IF ~HasTicket(state, number) THEN "unknown-ticket"
    ELSE (LET ticket == TicketOf(state, number)
          IN IF ticket.first # None THEN "ticket-used" ELSE "")

WithTicket(turn, number, seqs) ==
    (LET state == turn.state
         known == IF HasTicket(state, number) THEN TicketOf(state, number) ELSE Ticket(number)
         used == [known EXCEPT !.first = seqs[1], !.undecided = seqs]
     IN [turn EXCEPT !.state.begun = Most(state.begun, number),
                     !.state.tickets = {t \in state.tickets : t.number # number} \cup {used}])

\* [shown-at-dispatch] [window-asks-for-drain]: all or none
Register(config, turn, given, optimistic, writes, context, kind, needs) ==
    (LET state == turn.state
         number == IF given.ticket = None THEN state.begun + 1 ELSE given.ticket
         order == [seqs |-> given.seqs, ticket |-> number, optimistic |-> optimistic,
                   needs |-> needs]
         planned == PlanEach(WithTicket(turn, number, given.seqs), order, writes, 1)
         mine == {m \in Entries(planned.state.pending) : m.seq \in Entries(given.seqs)}
         event == [seqs |-> given.seqs, kind |-> kind, context |-> context,
                   entities |-> [i \in DOMAIN writes |-> writes[i].entity],
                   after |-> UNION {m.makers \cup m.needs : m \in mine},
                   persist_key |-> given.persist_key]
         told == IF state.queue = <<>> \* [window-asks-for-drain]
                 THEN WithEffect(planned, [kind |-> "schedule"])
                 ELSE planned
     IN IF OutOfOrder(state, writes, given.seqs) THEN Refusing(turn, "number-order")
        ELSE IF Len(state.pending) + Len(writes) > config.capacity
        THEN Refusing(turn, "pipeline-full") \* [pipeline-full]
        ELSE IF TicketError(state, given.ticket) # ""
        THEN Refusing(turn, TicketError(state, given.ticket))
        ELSE IF planned.error # "" THEN planned
        ELSE [told EXCEPT !.state.queue = Append(state.queue, event),
                          !.state.numbered = given.seqs[Len(given.seqs)]])

\* One for each scope and origin of a window, named after its first write. [action-of-window]
WithAction(config, turn, context, first) ==
    (LET known == {w \in turn.state.window :
                      w.scope = context.scope /\ w.origin = context.origin}
         action == IF known = {} THEN EntryId(config, first)
                   ELSE (LET one == CHOOSE w \in known : TRUE IN one.action)
         named == [scope |-> context.scope, origin |-> context.origin, action |-> action]
     IN IF context.action # NoName THEN [turn |-> turn, context |-> context]
        ELSE [turn |-> [turn EXCEPT !.state.window = turn.state.window \cup {named}],
              context |-> [context EXCEPT !.action = action]])

\* [bad-event-fails-alone]
Dispatch(config, turn, given) ==
    (LET writes == WritesOf(given.event)
         acting == WithAction(config, turn, given.context, given.seqs[1])
         kind == KindOf(given.event, writes)
         done == Register(config, acting.turn, given, given.optimistic, writes, acting.context,
                          kind, [i \in DOMAIN writes |-> {}])
     IN IF Malformed(writes) THEN Refusing(turn, "event-malformed")
        ELSE IF OutOfOrder(turn.state, writes, given.seqs) THEN Refusing(turn, "number-order")
        ELSE IF done.error # "" \/ acting.context.origin # "user" THEN done
        ELSE Recorded(config, done, given.seqs, acting.context))

\* --- schedule.py -------------------------------------------------------------

\* Compared member by member, never joined to a text.
KeyOf(event) ==
    <<event.entities[1].resource, event.context.scope, event.context.origin,
      event.context.action, event.persist_key>>

\* [kinds-split] [segment-has-entity-once]
Joins(run, event) ==
    (LET entities == UNION {Entries(e.entities) : e \in Entries(run)}
         numbers == UNION {Entries(e.seqs) : e \in Entries(run)}
     IN /\ KeyOf(run[1]) = KeyOf(event)
        /\ run[1].kind = event.kind /\ event.kind # "patches"
        /\ \/ entities \cap Entries(event.entities) = {} /\ numbers \cap event.after = {}
           \/ Mutant = "entity-twice")

\* [segments-are-runs]
RECURSIVE RunsFrom(_, _)
RunsFrom(found, events) ==
    IF events = <<>> THEN found
    ELSE (LET last == Len(found)
              event == Head(events)
              joins == IF found = <<>> THEN FALSE ELSE Joins(found[last], event)
          IN RunsFrom(IF joins THEN [found EXCEPT ![last] = Append(found[last], event)]
                      ELSE Append(found, <<event>>), Tail(events)))
Runs(events) == RunsFrom(<<>>, events)

RECURSIVE SeqsOf(_)
SeqsOf(run) == IF run = <<>> THEN <<>> ELSE run[1].seqs \o SeqsOf(Tail(run))

LiveOf(state, segment) == SelectSeq(state.pending, LAMBDA m : m.seq \in Entries(segment.seqs))

Undelivered == IF Mutant = "unknown-lets-pass" THEN {"waiting", "persisting"}
               ELSE IF Mutant = "gate-open" THEN {"waiting"}
               ELSE {"waiting", "persisting", "unknown"}

\* Mates do not count. [order-per-entity] [child-after-parent] [undo-waits]
HeldBack(state, m, mates) ==
    \E n \in Entries(state.pending) :
        \/ /\ n.write.entity = m.write.entity /\ n.seq < m.seq /\ n.seq \notin mates
           /\ n.status.kind \in Undelivered
        \/ /\ n.seq \in m.makers
           /\ n.status.kind \in Undelivered \/ (IsAccepted(n) /\ n.write.temporary)
           /\ Mutant # "child-passes-parent"
        \/ n.seq \in m.needs /\ ~IsAccepted(n) /\ Mutant # "undo-passes"

\* [entry-ids] [own-change-only]
EntryOf(config, state, m, segment) ==
    (LET stored == {n \in Entries(state.pending) : n.status.kind = "enqueued"}
         makers == Ascending({n.seq : n \in stored} \cap m.makers)
     IN [id |-> EntryId(config, m.seq), entity |-> m.write.entity, change |-> m.write.change,
         base |-> IF m.write.change.kind = "create" THEN NoStamp ELSE m.base,
         temporary |-> m.write.temporary,
         depends |-> [i \in DOMAIN makers |-> EntryId(config, makers[i])],
         at |-> segment.context.at])

RECURSIVE PutEach(_, _)
PutEach(turn, list) == IF list = <<>> THEN turn ELSE PutEach(Put(turn, Head(list)), Tail(list))

NumbersOf(list) == [i \in DOMAIN list |-> list[i].seq]

HandOne(config, turn, segment, live) ==
    (LET moved == [i \in DOMAIN live |-> [live[i] EXCEPT !.status = Place("persisting")]]
         put == PutEach(turn, moved)
         request == [handle |-> live[1].seq, seqs |-> NumbersOf(live)]
         handed == [put EXCEPT !.state.handed = put.state.handed \cup {request}]
     IN WithEffect(handed,
            [kind |-> "persist", handle |-> request.handle, context |-> segment.context,
             persist_key |-> segment.persist_key,
             entries |-> [i \in DOMAIN moved |->
                             EntryOf(config, handed.state, moved[i], segment)],
             seqs |-> request.seqs]))

\* Two names of one row may turn out to be in one segment: the later write then stays behind.
RECURSIVE HandEach(_, _, _, _)
HandEach(config, turn, segments, kept) ==
    IF segments = <<>> THEN [turn EXCEPT !.state.waiting = kept]
    ELSE (LET segment == Head(segments)
              live == LiveOf(turn.state, segment)
              mates == Entries(segment.seqs)
              held == \E m \in Entries(live) : HeldBack(turn.state, m, mates)
              IsFree(m) == ~HeldBack(turn.state, m,
                                     IF Mutant = "entity-twice" THEN mates ELSE {})
              free == SelectSeq(live, IsFree)
              rest == IF held THEN live ELSE SelectSeq(live, LAMBDA m : ~IsFree(m))
          IN HandEach(config,
                IF held \/ free = <<>> THEN turn ELSE HandOne(config, turn, segment, free),
                Tail(segments),
                IF rest = <<>> THEN kept
                ELSE Append(kept, [segment EXCEPT !.seqs = NumbersOf(rest)])))
HandOver(config, turn) == HandEach(config, turn, turn.state.waiting, <<>>)

\* The names count as they were dispatched. [batching-deterministic]
Drain(turn) ==
    (LET state == turn.state
         runs == Runs(state.queue)
         segments == [i \in DOMAIN runs |->
                        [seqs |-> SeqsOf(runs[i]), context |-> runs[i][1].context,
                         persist_key |-> runs[i][1].persist_key]]
     IN [turn EXCEPT !.state.queue = <<>>, !.state.window = {},
                     !.state.waiting = state.waiting \o segments])

\* --- settlement.py -----------------------------------------------------------

\* [verdict-once]
Verdict(turn, m, code, doubt) ==
    (LET ticket == TicketOf(turn.state, m.ticket)
         left == SelectSeq(ticket.undecided, LAMBDA seq : seq # m.seq)
         first == ticket.refused.seq = None \/ m.seq < ticket.refused.seq
         refused == IF code # "" /\ first THEN [seq |-> m.seq, code |-> code]
                    ELSE ticket.refused
         after == [ticket EXCEPT !.undecided = left, !.refused = refused,
                                 !.doubt = ticket.doubt \/ doubt]
         others == {t \in turn.state.tickets : t.number # m.ticket}
     IN IF ~HasTicket(turn.state, m.ticket) THEN turn
        ELSE IF m.seq \notin Entries(ticket.undecided) THEN turn
        ELSE [turn EXCEPT !.state.tickets = others \cup {after},
                          !.touched = turn.touched \cup {m.ticket}])

WithAlias(turn, temporary, id) ==
    [turn EXCEPT !.state.aliases =
        {a \in turn.state.aliases : a.temporary # temporary}
        \cup {[temporary |-> temporary, id |-> id]}]

\* Remove exactly this write, and what was made from it and not sent. [exact-rollback]
RECURSIVE End(_, _, _, _), EndEach(_, _)
End(turn, m, code, doubt) ==
    (LET verdict == Verdict(LeftOut(turn, m.seq), m, code, doubt)
         dropped == Drop(verdict, m)
         orphaned == IF m.write.temporary THEN WithAlias(dropped, m.write.entity.id, "")
                     ELSE dropped
     IN EndEach(orphaned, DependingOn(orphaned.state, m.seq)))
EndEach(turn, children) ==
    IF children = <<>> THEN turn \* [child-of-rejected]
    ELSE (LET child == Head(children)
              ends == IsPending(turn.state, child.seq) /\ child.status.kind = "waiting"
                      /\ Mutant # "orphan-stays"
          IN EndEach(IF ends THEN End(turn, child, "parent-rejected", FALSE) ELSE turn,
                     Tail(children)))
Refuse(turn, m, code) == End(turn, m, code, FALSE)
\* The documents may lack it for ever. [row-from-exact-base]
Lose(turn, m) ==
    End([turn EXCEPT !.state.doubted = @ \cup {m.write.entity}], m, "", TRUE)

\* [unknown-keeps]
Moved(turn, seq, place) ==
    IF ~IsPending(turn.state, seq) THEN turn
    ELSE (LET m == Get(turn.state, seq)
          IN IF m.status.kind # "persisting" THEN turn
             ELSE IF place = "unknown" /\ Mutant = "unknown-is-refusal"
             THEN Refuse(turn, m, "unknown")
             ELSE Put(turn, [m EXCEPT !.status = Place(place)]))

RECURSIVE MoveEach(_, _, _)
MoveEach(turn, seqs, place) ==
    IF seqs = <<>> THEN turn ELSE MoveEach(Moved(turn, Head(seqs), place), Tail(seqs), place)

\* The documents hold them: their overlays go in the same step; each was made on what the ones
\* before it had left. [inverse-afresh]
RECURSIVE RetireEach(_, _, _, _)
RetireEach(turn, list, before, lost) ==
    IF list = <<>> THEN turn
    ELSE (LET m == Head(list)
              entity == m.write.entity
              doc == DocOf(before.docs, entity)
              fits == Applies(doc, m.write.change)
              after == IF before.known /\ fits
                       THEN Before(PutDoc(before.docs, entity, Applied(doc, m.write.change)))
                       ELSE before
              seen == IF entity \in lost THEN Nobody ELSE before
          IN RetireEach(Drop(RecordedInverse(turn, m, seen), m), Tail(list), after,
                        IF fits THEN lost ELSE lost \cup {entity}))
Retire(turn, list, before) == RetireEach(turn, list, before, {})

\* The id of a row is known: what is pending has it, what was accepted under none is read.
RECURSIVE RenameEach(_, _, _, _)
RenameEach(turn, children, names, entity) ==
    IF children = <<>> THEN turn
    ELSE (LET child == [children[1] EXCEPT !.write = Rename(@, names)]
              put == Put(turn, child)
              unread == IsAccepted(child) /\ child.status.server_seq = None
                        /\ child.write.entity = entity
          IN RenameEach(IF unread
                        THEN WithEffect(put, [kind |-> "stale", entity |-> child.write.entity])
                        ELSE put, Tail(children), names, entity))
Renamed(turn, maker, names) ==
    (LET write == [Rename(maker.write, names) EXCEPT !.temporary = FALSE]
     IN RenameEach(Put(turn, [maker EXCEPT !.write = write]),
                   DependingOn(turn.state, maker.seq), names, write.entity))

\* In another epoch it had another id.
GivenAnew(turn, old, id) ==
    (LET pending == turn.state.pending
         again == [i \in DOMAIN pending |->
                     [pending[i] EXCEPT !.write = Rename(@, {[temporary |-> old, id |-> id]})]]
     IN PutEach(turn, again))

RECURSIVE NameEach(_, _)
NameEach(turn, ids) ==
    IF ids = <<>> THEN turn
    ELSE (LET temporary == ids[1].temporary
              id == ids[1].id
              makers == Makers(turn.state, temporary)
              maker == CHOOSE m \in makers : TRUE
              old == Named(temporary, Known(turn.state))
              aliased == WithAlias(turn, temporary, id)
              named == IF makers = {} THEN aliased ELSE Renamed(aliased, maker, {ids[1]})
          IN NameEach(IF old \in {temporary, id} THEN named ELSE GivenAnew(named, old, id),
                      Tail(ids)))

\* One that gets no other id any more keeps the client's. [ids-in-view]
Name(turn, seq, ids, at) ==
    (LET named == NameEach(turn, ids)
         made == Get(named.state, seq)
         final == at = None \/ at <= turn.state.server_seq
     IN IF made.write.temporary /\ final THEN Renamed(named, made, {}) ELSE named)

RECURSIVE RaiseEach(_, _, _, _)
\* [base-raised-by-own-only]
RaiseEach(turn, m, stamp, list) ==
    IF list = <<>> THEN turn
    ELSE RaiseEach(IF list[1].seq > m.seq /\ MadeUpon(list[1].base, m)
                   THEN Put(turn, [list[1] EXCEPT !.base = stamp]) ELSE turn,
                   m, stamp, Tail(list))

\* The version that an acceptance comes with: that of an earlier one at this position, or the
\* position, unless it gives one.
VersionAt(m, at, version) ==
    IF version # None THEN version
    ELSE IF IsAccepted(m) /\ m.status.server_seq = at THEN m.status.version ELSE at

\* What an acceptance says: a verdict, and the version for what was planned upon it.
Heard(turn, seq, version) ==
    (LET m == Get(turn.state, seq)
         stamp == [epoch |-> turn.state.epoch, version |-> version]
         raised == IF version = None THEN turn
                   ELSE RaiseEach(turn, m, stamp, Of(turn.state, m.write.entity))
     IN Verdict(raised, m, "", FALSE))

\* Accepted writes that the documents hold now are retired: their position is reached, or their
\* row has their version, or, without either, their entity was read, or left by the write `upto`
\* or an earlier one. [accepted-until-covered]
NoEntity == [resource |-> "", id |-> ""]
IsCovered(state, m, read, upto) ==
    (LET known == StampOf(state, m.write.entity)
         stamp == [epoch |-> state.epoch, version |-> m.status.version]
     IN IF m.status.server_seq # None THEN m.status.server_seq <= state.server_seq
        ELSE IF m.status.version # None THEN known # NoStamp /\ StampAtMost(stamp, known)
        ELSE m.write.entity = read /\ (upto = None \/ m.seq <= upto))
CoveredUpTo(turn, before, read, upto) ==
    Retire(turn, SelectSeq(turn.state.pending,
                           LAMBDA m : IsAccepted(m) /\ IsCovered(turn.state, m, read, upto)),
           before)
Covered(turn, before, read) == CoveredUpTo(turn, before, read, None)

\* The row that a write has left at the server, as far as it can be known.
NoRow == [told |-> FALSE, doc |-> NoDoc]
RowAfter(state, m, written) ==
    (LET change == m.write.change
         doc == DocOf(state.docs, m.write.entity)
         fixed == \/ change.kind \in {"create", "delete"}
                  \/ (change.kind = "upsert" /\ change.patch = <<>>)
         own == \E n \in Entries(state.pending) :
                   n.write.entity = m.write.entity /\ n.seq < m.seq
         exact == m.base # NoStamp /\ StampOf(state, m.write.entity) = m.base /\ ~own
                  /\ m.write.entity \notin state.doubted
     IN IF written.row.told THEN written.row \* [writeback-is-a-delta]
        ELSE IF fixed THEN [told |-> TRUE, doc |-> change.doc]
        ELSE IF exact /\ Applies(doc, change) \* [row-from-exact-base]
        THEN [told |-> TRUE, doc |-> Applied(doc, change)] ELSE NoRow)

Accept(turn, seq, written) ==
    (LET version == VersionAt(Get(turn.state, seq), written.server_seq, written.version)
         heard == Heard(Name(turn, seq, written.ids, written.server_seq), seq, version)
         m == Get(heard.state, seq)
         put == Put(heard, [m EXCEPT !.status = Accepted(written.server_seq, version)])
         early == Covered(put, Nobody, NoEntity)
         entity == m.write.entity
         row == RowAfter(early.state, m, written)
         unversioned == written.version = None /\ StampOf(early.state, entity) # NoStamp
         taken == ~IsStale(early.state, entity, written.version)
     IN IF written.server_seq # None /\ Mutant = "ack-drops-overlay"
        THEN Retire(put, <<m>>, Nobody) \* [accepted-until-covered]
        ELSE IF written.server_seq # None \/ ~IsPending(early.state, seq) THEN early
        ELSE IF Makers(early.state, entity.id) # {} THEN early \* read when it has an id
        ELSE IF ~row.told \/ unversioned \* [row-from-exact-base]
        THEN WithEffect(early, [kind |-> "stale", entity |-> entity])
        ELSE CoveredUpTo(PutRow(early, entity, row.doc, written.version),
                     IF taken THEN Before(early.state.docs) ELSE Nobody, entity, seq))

\* An answer of a higher epoch says that the documents are behind. [verdict-of-other-epoch]
Ahead(turn, epoch) ==
    IF epoch > turn.state.epoch THEN WithEffect(turn, [kind |-> "resync"]) ELSE turn

\* One verdict, given in an epoch, about one write.
Decide(config, turn, seq, verdict, epoch) ==
    IF ~IsPending(turn.state, seq) THEN turn
    ELSE (LET m == Get(turn.state, seq)
              id == EntryId(config, seq)
              elsewhere == epoch # None /\ epoch # turn.state.epoch
              contradicts == Diagnosed(turn, "contradictory-verdict", id)
          IN IF m.status.kind = "waiting" \* [verdict-of-unsent-ignored]
             THEN Diagnosed(turn, "not-sent", id)
             ELSE IF elsewhere THEN Moved(turn, seq, "unknown") \* [verdict-of-other-epoch]
             ELSE CASE verdict.kind = "unknown" -> Moved(turn, seq, "unknown")
                    [] verdict.kind = "written" /\ ~IsAccepted(m) -> Accept(turn, seq, verdict)
                    [] verdict.kind = "written" /\ IsAccepted(m) ->
                          IF m.status.server_seq = verdict.server_seq THEN turn ELSE contradicts
                    [] IsAccepted(m) /\ verdict.kind \in {"refused", "in-doubt"}
                          /\ Mutant # "last-verdict-stands" -> contradicts
                    [] verdict.kind = "refused" -> Refuse(turn, m, verdict.code)
                    [] OTHER -> Lose(turn, m)) \* [verdict-stands]

RECURSIVE Unasked(_, _, _, _)
Unasked(turn, asked, named, seen) ==
    IF named = <<>> THEN turn
    ELSE Unasked(IF named[1] \in asked \cup seen THEN turn
                 ELSE Diagnosed(turn, "not-asked", named[1]),
                 asked, Tail(named), seen \cup {named[1]})

UnknownVerdict ==
    [kind |-> "unknown", version |-> None, server_seq |-> None, ids |-> <<>>, code |-> "",
     row |-> [told |-> FALSE, doc |-> NoDoc]]

\* What the results say of an entry; i is its place in the request. [results-by-entry-id]
Agreed(config, results, seq, i) ==
    (LET said == {r.outcome : r \in {q \in Entries(results) : q.id = EntryId(config, seq)}}
     IN IF Mutant = "results-by-place" /\ i \in DOMAIN results THEN results[i].outcome
        ELSE IF Cardinality(said) = 1 THEN CHOOSE o \in said : TRUE
        ELSE IF said = {} /\ Mutant = "missing-is-ok" /\ results # <<>> THEN results[1].outcome
        ELSE UnknownVerdict)

RECURSIVE AnswerEach(_, _, _, _, _)
AnswerEach(config, turn, seqs, outcome, i) ==
    IF i > Len(seqs) THEN turn
    ELSE AnswerEach(config,
            Decide(config, turn, seqs[i], Agreed(config, outcome.results, seqs[i], i),
                   outcome.epoch), seqs, outcome, i + 1)

RECURSIVE StoreEach(_, _, _, _)
StoreEach(config, turn, seqs, ids) ==
    IF seqs = <<>> THEN turn
    ELSE StoreEach(config,
            Moved(turn, Head(seqs),
                  IF EntryId(config, Head(seqs)) \in Entries(ids) THEN "enqueued" ELSE "unknown"),
            Tail(seqs), ids)

\* [failed-removes-its-own]
RECURSIVE FailEach(_, _, _, _)
FailEach(config, turn, seqs, code) ==
    IF seqs = <<>> THEN turn
    ELSE FailEach(config,
            (IF Mutant = "rollback-takes-all" /\ IsPending(turn.state, Head(seqs))
             THEN Refuse(turn, Get(turn.state, Head(seqs)), code)
             ELSE Decide(config, turn, Head(seqs),
                         [UnknownVerdict EXCEPT !.kind = "refused", !.code = code], None)),
            Tail(seqs), code)

\* The mutant takes everything back that is pending.
Removed(turn, request) ==
    IF Mutant = "rollback-takes-all"
    THEN [i \in DOMAIN turn.state.pending |-> turn.state.pending[i].seq] ELSE request.seqs

\* [answer-once]
Persisted(config, turn, given) ==
    (LET known == {r \in turn.state.handed : r.handle = given.handle}
         request == CHOOSE r \in known : TRUE
         left == [turn EXCEPT !.state.handed = turn.state.handed \ known]
         outcome == given.outcome
         asked == {EntryId(config, seq) : seq \in Entries(request.seqs)}
         named == [i \in DOMAIN outcome.results |-> outcome.results[i].id]
     IN IF known = {} THEN turn
        ELSE CASE outcome.kind = "confirmed" ->
                    AnswerEach(config, Unasked(Ahead(left, outcome.epoch), asked, named, {}),
                               request.seqs, outcome, 1)
               [] outcome.kind = "enqueued" ->
                    StoreEach(config, Unasked(left, asked, outcome.ids, {}), request.seqs,
                              outcome.ids)
               [] outcome.kind = "failed" ->
                    FailEach(config, left, Removed(left, request), outcome.code)
               [] outcome.kind = "no-answer" -> MoveEach(left, request.seqs, "unknown"))

Decided(config, turn, given) ==
    IF given.id.owner # config.client \/ given.id.number = None
    THEN Diagnosed(turn, "not-asked", given.id)
    ELSE Decide(config, Ahead(turn, given.epoch), given.id.number, given.verdict, given.epoch)

\* --- stream.py ---------------------------------------------------------------

ChangesIt(delta, entity) == \E i \in DOMAIN delta.changes : delta.changes[i].entity = entity

Labelled(config, turn, delta, label) ==
    (LET state == turn.state
         m == Get(state, label.seq)
         named == Name(turn, label.seq, label.ids, delta.server_seq)
         version == VersionAt(m, delta.server_seq, label.version)
         heard == Heard(named, label.seq, version)
         settled == Get(heard.state, label.seq)
     IN IF ~IsPending(state, label.seq) THEN turn
        ELSE IF m.status.kind = "waiting" \* [verdict-of-unsent-ignored]
        THEN Diagnosed(turn, "not-sent", EntryId(config, label.seq))
        ELSE Put(heard, [settled EXCEPT !.status = Accepted(delta.server_seq, version)]))

RECURSIVE LabelEach(_, _, _, _)
LabelEach(config, turn, delta, labels) ==
    IF labels = <<>> THEN turn
    ELSE LabelEach(config, Labelled(config, turn, delta, Head(labels)), delta, Tail(labels))

\* The version that the acceptance of a write gave is the document's at that position.
RECURSIVE VersionEach(_, _, _)
VersionEach(turn, list, delta) ==
    IF list = <<>> THEN turn
    ELSE (LET m == Head(list)
              gives == /\ IsAccepted(m) /\ m.status.version # None
                       /\ m.status.server_seq = delta.server_seq
                       /\ ChangesIt(delta, m.write.entity)
              stamp == [epoch |-> delta.epoch, version |-> m.status.version]
          IN VersionEach(IF gives THEN [turn EXCEPT !.state.versions =
                                            WithStamp(@, m.write.entity, stamp)] ELSE turn,
                         Tail(list), delta))

RECURSIVE StampEach(_, _, _)
StampEach(versions, changes, stamp) ==
    IF changes = <<>> THEN versions
    ELSE StampEach(WithStamp(versions, changes[1].entity, stamp), Tail(changes), stamp)

\* [delta-settles]
DeltaApplied(config, turn, delta) ==
    (LET state == turn.state
         fresh == delta.server_seq > state.server_seq
         changed == {delta.changes[i].entity : i \in DOMAIN delta.changes}
         \* The server knows nothing of what a cache has filled in. [hydrate-fills]
         docs == {d \in state.docs : d.entity \notin state.hydrated \cap changed}
         before == IF fresh THEN Before(docs) ELSE Nobody
         mine == SelectSeq(delta.settles, LAMBDA l : l.client = config.client)
         stamp == [epoch |-> delta.epoch, version |-> delta.server_seq]
         moved == [turn EXCEPT !.state.docs = ApplyEach(docs, delta.changes),
                               !.state.hydrated = state.hydrated \ changed,
                               !.state.doubted = state.doubted \ changed,
                               !.state.versions = StampEach(state.versions, delta.changes, stamp),
                               !.state.server_seq = delta.server_seq,
                               !.changed = turn.changed \/ delta.changes # <<>>]
         taken == IF fresh THEN moved ELSE turn
         labelled == LabelEach(config, taken, delta, mine)
         settled == IF fresh THEN VersionEach(labelled, labelled.state.pending, delta)
                    ELSE labelled
     IN IF delta.epoch > state.epoch THEN Refusing(turn, "epoch-ahead") \* [delta-of-its-epoch]
        ELSE IF delta.epoch < state.epoch THEN turn \* [delta-of-its-epoch]
        ELSE IF fresh /\ ~ApplyAll(docs, delta.changes)
        THEN Refusing(turn, "change-inapplicable")
        ELSE Covered(settled, before, NoEntity))

OutcomeOf(config, turn, known, outcomes, forgotten, reborn) ==
    (LET over == reborn /\ IsAccepted(known) \* [dead-epoch-ack-unknown]
         m == IF over THEN [known EXCEPT !.status = Place("unknown")] ELSE known
         here == IF over THEN Put(turn, m) ELSE turn
         said == {o \in Entries(outcomes) : o.seq = m.seq}
         outcome == CHOOSE o \in said : TRUE
         at == outcome.verdict.server_seq
         version == VersionAt(m, at, outcome.verdict.version)
         heard == Heard(Name(here, m.seq, outcome.verdict.ids, at), m.seq, version)
         placed == Accepted(at, version)
     IN IF m.status.kind = "waiting" \* [verdict-of-unsent-ignored]
        THEN (IF said = {} THEN turn ELSE Diagnosed(turn, "not-sent", EntryId(config, m.seq)))
        ELSE IF said = {}
        THEN (IF forgotten /\ m.status.kind = "unknown"
              THEN Lose(here, m) \* [forgotten-in-doubt]
              ELSE here)
        ELSE IF outcome.verdict.kind = "accepted"
        THEN Put(heard, (LET after == Get(heard.state, m.seq)
                         IN [after EXCEPT !.status = placed]))
        ELSE IF IsAccepted(m) \* [verdict-stands]
        THEN Diagnosed(turn, "contradictory-verdict", EntryId(config, m.seq))
        ELSE Refuse(turn, m, outcome.verdict.code))

RECURSIVE OutcomeEach(_, _, _, _, _)
OutcomeEach(config, turn, list, snapshot, reborn) ==
    IF list = <<>> THEN turn
    ELSE (LET seq == list[1].seq
          IN OutcomeEach(config,
                IF IsPending(turn.state, seq)
                THEN OutcomeOf(config, turn, Get(turn.state, seq), snapshot.outcomes,
                               reborn /\ ~snapshot.client_known, reborn)
                ELSE turn, Tail(list), snapshot, reborn))

\* [snapshot-settles]
SnapshotApplied(config, turn, snapshot) ==
    (LET state == turn.state
         older == \/ snapshot.epoch < state.epoch
                  \/ snapshot.epoch = state.epoch /\ snapshot.server_seq < state.server_seq
         moved == [turn EXCEPT !.state.docs = snapshot.docs, !.state.epoch = snapshot.epoch,
                               !.state.server_seq = snapshot.server_seq,
                               !.state.versions = {[entity |-> v.entity,
                                    stamp |-> [epoch |-> snapshot.epoch,
                                               version |-> v.version]] :
                                    v \in snapshot.versions},
                               !.state.hydrated = {}, !.state.doubted = {},
                               !.state.loaded = TRUE,
                               !.changed = TRUE]
         reborn == snapshot.epoch > state.epoch
         settled == OutcomeEach(config, moved, state.pending, snapshot, reborn)
         \* What the documents held before the snapshot: nobody knows how it came in.
         IsHeld(m) == IsAccepted(m) /\ m.status.server_seq # None
                      /\ m.status.server_seq <= state.server_seq
         held == IF reborn THEN <<>> ELSE SelectSeq(settled.state.pending, IsHeld)
     IN IF older THEN turn
        ELSE Covered(Retire(settled, held, Nobody), Before(state.docs), NoEntity))

RECURSIVE Fetch(_, _, _)
Fetch(turn, rows, before) ==
    IF rows = <<>> THEN turn
    ELSE (LET entity == KnownEntity(turn.state, rows[1].entity)
              put == PutRow(turn, entity, rows[1].doc, rows[1].version)
              named == Makers(turn.state, entity.id) = {} \* [ids-in-view]
          IN Fetch(IF named THEN Covered(put, before, entity) ELSE turn, Tail(rows), before))

\* [hydrate-fills]
RECURSIVE Hydrate(_, _)
Hydrate(turn, rows) ==
    IF rows = <<>> \/ turn.state.loaded THEN turn
    ELSE (LET entity == KnownEntity(turn.state, rows[1].entity)
              absent == /\ Makers(turn.state, entity.id) = {}
                        /\ DocOf(turn.state.docs, entity) = NoDoc
                        /\ StampOf(turn.state, entity) = NoStamp
              put == PutRow(turn, entity, rows[1].doc, rows[1].version)
              filled == [put EXCEPT !.state.hydrated = @ \cup {entity},
                                    !.state.doubted = turn.state.doubted]
              taken == Covered(filled, Before(turn.state.docs), NoEntity)
          IN Hydrate(IF absent THEN taken ELSE turn, Tail(rows)))

\* --- tickets.py --------------------------------------------------------------

WithTicketRow(turn, ticket) ==
    [turn EXCEPT !.state.tickets =
        {t \in turn.state.tickets : t.number # ticket.number} \cup {ticket}]

Begin(turn) ==
    (LET number == turn.state.begun + 1
     IN WithTicketRow([turn EXCEPT !.state.begun = number], Ticket(number)))

\* Where the undecided writes of a ticket are.
Statuses(state, ticket) ==
    {m.status.kind : m \in {n \in Entries(state.pending) : n.seq \in Entries(ticket.undecided)}}

IsVerdict(status) == status \in {"confirmed", "failed", "in-doubt"}

\* [ticket-status]
StatusAfter(state, ticket) ==
    IF ticket.first = None THEN "pending"
    ELSE IF ticket.undecided # <<>>
    THEN (IF Statuses(state, ticket) = {"enqueued"} THEN "enqueued" ELSE ticket.status)
    ELSE IF ticket.refused.seq # None THEN "failed"
    ELSE IF ticket.doubt THEN "in-doubt" ELSE "confirmed"

\* What a wait hears of a ticket; "": it goes on waiting. [await-modes]
AnswerTo(status, mode, unknown) ==
    IF IsVerdict(status) THEN status
    ELSE IF unknown THEN "outcome-unknown" \* [unknown-ends-wait]
    ELSE IF mode = "optimistic" /\ status = "enqueued" THEN "enqueued"
    ELSE ""

Answered(wait, answer, code) ==
    [kind |-> "answered", wait |-> wait, answer |-> answer, code |-> code]

RECURSIVE AnswerWaits(_, _, _, _)
AnswerWaits(turn, ticket, waits, left) ==
    IF waits = <<>> THEN WithTicketRow(turn, [ticket EXCEPT !.waits = left])
    ELSE (LET unknown == "unknown" \in Statuses(turn.state, ticket)
              answer == AnswerTo(ticket.status, waits[1].mode, unknown)
              code == IF answer = "failed" THEN ticket.refused.code ELSE ""
          IN IF answer = "" THEN AnswerWaits(turn, ticket, Tail(waits), Append(left, waits[1]))
             ELSE AnswerWaits(WithEffect(turn, Answered(waits[1].number, answer, code)), ticket,
                              Tail(waits), left))
Answer(turn, number) ==
    (LET ticket == TicketOf(turn.state, number)
     IN AnswerWaits(turn, ticket, ticket.waits, <<>>))

RECURSIVE EndWaits(_, _, _)
EndWaits(turn, ticket, over) ==
    IF over = <<>> THEN turn
    ELSE (LET enqueued == /\ over[1].on_timeout = "resolve-enqueued"
                          /\ ticket.status = "enqueued"
              answer == IF enqueued THEN "enqueued" ELSE "timed-out"
          IN EndWaits(WithEffect(turn, Answered(over[1].number, answer, "")), ticket, Tail(over)))

RECURSIVE TimeOutEach(_, _)
TimeOutEach(turn, numbers) ==
    IF numbers = <<>> THEN turn
    ELSE (LET ticket == TicketOf(turn.state, Head(numbers))
              IsOver(w) == w.until # None /\ w.until <= turn.state.now
              IsLeft(w) == ~IsOver(w)
              left == [ticket EXCEPT !.waits = SelectSeq(ticket.waits, IsLeft)]
          IN TimeOutEach(EndWaits(WithTicketRow(turn, left), ticket,
                                  SelectSeq(ticket.waits, IsOver)), Tail(numbers)))

\* [timeout-ends-wait]
TimeOut(turn, now) ==
    TimeOutEach([turn EXCEPT !.state.now = Most(turn.state.now, now)],
                Ascending({t.number : t \in {u \in turn.state.tickets : u.waits # <<>>}}))

\* [late-await]
Await(turn, given) ==
    (LET ticket == TicketOf(turn.state, given.ticket)
         until == IF given.timeout = None THEN None ELSE turn.state.now + given.timeout
         wait == [number |-> given.wait, mode |-> given.mode, until |-> until,
                  on_timeout |-> given.on_timeout]
         added == WithTicketRow(turn, [ticket EXCEPT !.waits = Append(ticket.waits, wait)])
     IN IF ~HasTicket(turn.state, given.ticket) THEN Refusing(turn, "unknown-ticket")
        ELSE TimeOut(IF Mutant = "early-verdict-lost" THEN added ELSE Answer(added, given.ticket),
                     turn.state.now))

\* [verdict-remembered]
Remembered(config, turn, number) ==
    (LET decided == Append(turn.state.decided, number)
         forgotten == Entries(AllBut(decided, config.remembered))
     IN [turn EXCEPT !.state.decided = LastOf(decided, config.remembered),
                     !.state.tickets = {t \in turn.state.tickets : t.number \notin forgotten}])

TellOne(config, turn, number) ==
    (LET ticket == TicketOf(turn.state, number)
         status == StatusAfter(turn.state, ticket)
         moves == status # ticket.status
         code == IF status = "failed" THEN ticket.refused.code ELSE ""
         told == IF moves
                 THEN WithEffect(WithTicketRow(turn, [ticket EXCEPT !.status = status]),
                                 [kind |-> "told", ticket |-> number, status |-> status,
                                  code |-> code])
                 ELSE turn
         answered == Answer(told, number)
     IN IF moves /\ IsVerdict(status) THEN Remembered(config, answered, number) ELSE answered)

\* In the order of dispatch. [told-in-order]
RECURSIVE TellEach(_, _, _)
TellEach(config, turn, firsts) ==
    IF firsts = <<>> THEN turn
    ELSE (LET known == {t \in turn.state.tickets : t.first = Head(firsts)}
              ticket == CHOOSE t \in known : TRUE
          IN TellEach(config, IF known = {} THEN turn ELSE TellOne(config, turn, ticket.number),
                      Tail(firsts)))
Tell(config, turn) ==
    TellEach(config, turn,
             Ascending({t.first : t \in {u \in turn.state.tickets : u.number \in turn.touched}}))

\* --- revert.py ---------------------------------------------------------------

\* What takes a pending write back to what is shown beneath it at this moment.
Beneath(state, m) == Fold(state.docs, SelectSeq(state.pending, LAMBDA n : n.seq < m.seq))
InverseNow(state, m) ==
    (LET doc == DocOf(Beneath(state, m), m.write.entity)
     IN IF m.optimistic /\ Applies(doc, m.write.change) THEN Inverted(doc, m.write.change)
        ELSE Impossible)

\* The undecided writes whose values its inverse brings back, those whose values these have
\* copied, and itself. [undo-waits]
RECURSIVE Copied(_, _)
Copied(list, restored) ==
    IF list = <<>> THEN restored
    ELSE (LET n == list[Len(list)]
              met == \E m \in restored : Overlap(n.write.change, m.write.change)
          IN Copied(SubSeq(list, 1, Len(list) - 1), IF met THEN restored \cup {n} ELSE restored))
Restored(state, m) ==
    (LET earlier == SelectSeq(Of(state, m.write.entity), LAMBDA n : n.seq < m.seq)
     IN {n.seq : n \in Copied(earlier, {m})})

\* found: a list of [entity, change, needs], one for each entity.
Inverse(found, entity, change, needs) ==
    IF \E i \in DOMAIN found : found[i].entity = entity
    THEN [i \in DOMAIN found |->
            IF found[i].entity = entity
            THEN [entity |-> entity, change |-> Compose(found[i].change, change),
                  needs |-> found[i].needs \cup needs]
            ELSE found[i]]
    ELSE Append(found, [entity |-> entity, change |-> change, needs |-> needs])

IsImpossible(found) == \E f \in Entries(found) : f.change.kind = "impossible"

RECURSIVE InverseEach(_, _, _)
InverseEach(state, seqs, found) ==
    IF seqs = <<>> \/ IsImpossible(found) THEN found
    ELSE (LET seq == seqs[Len(seqs)]
              rest == SubSeq(seqs, 1, Len(seqs) - 1)
              member == MemberOf(state, seq)
              write == KnownWrite(state, member.write)
              pending == IsPending(state, seq)
              m == Get(state, seq)
              change == IF pending THEN InverseNow(state, m) ELSE member.inverse
              needs == IF pending THEN Restored(state, m) ELSE {}
          IN InverseEach(state, rest, IF IsMember(state, seq)
                                      THEN Inverse(found, write.entity, change, needs)
                                      ELSE found))

\* What is shown now is what the unit left, or nothing is registered. [revert-whole-or-not]
Inverses(state, unit) ==
    (LET all == InverseEach(state, unit.seqs, <<>>)
         found == SelectSeq(all, IsSome)
         shown == Fold(state.docs, state.pending)
         fits == \A f \in Entries(found) : Applies(DocOf(shown, f.entity), f.change)
     IN IF IsImpossible(all) \/ ~fits
        THEN <<[entity |-> [resource |-> "", id |-> ""], change |-> Impossible, needs |-> {}]>>
        ELSE found)

\* How many units are below the last one that still did something; None if there is none.
RECURSIVE Below(_, _)
Below(state, units) ==
    IF units = <<>> THEN None
    ELSE IF Inverses(state, units[Len(units)]) # <<>> THEN Len(units) - 1
    ELSE Below(state, SubSeq(units, 1, Len(units) - 1))

\* [revert-is-a-write]
Revert(config, turn, given) ==
    (LET state == turn.state
         stacks == StacksOf(state, given.scope)
         undoes == given.direction = "undo"
         units == IF undoes THEN stacks.undo ELSE stacks.redo
         below == Below(state, units)
         rest == SubSeq(units, 1, below)
         gone == SubSeq(units, below + 1, Len(units))
         found == Inverses(state, units[below + 1])
         writes == [i \in DOMAIN found |-> Write(found[i].entity, found[i].change, FALSE)]
         action == EntryId(config, given.seqs[1])
         context == [scope |-> given.scope, origin |-> given.direction, action |-> action,
                     label |-> "", at |-> 0]
         unit == [action |-> action, seqs |-> given.seqs]
         done == Register(config, turn, given, TRUE, writes, context, "patches",
                          [i \in DOMAIN found |-> found[i].needs])
         kept == IF undoes
                 THEN [scope |-> given.scope, undo |-> rest, redo |-> Append(stacks.redo, unit)]
                 ELSE [scope |-> given.scope, undo |-> Append(stacks.undo, unit), redo |-> rest]
     IN IF below = None THEN Refusing(turn, "nothing-to-revert") \* [revert-whole-or-not]
        ELSE IF IsImpossible(found) THEN Refusing(turn, "revert-inapplicable")
        ELSE IF given.seqs = <<>> THEN Refusing(turn, "number-order")
        ELSE IF done.error # "" THEN done
        ELSE Stacked(done, kept, gone, given.seqs))

\* --- step.py -----------------------------------------------------------------

RECURSIVE CancelEach(_, _, _)
CancelEach(config, turn, seqs) ==
    IF seqs = <<>> THEN turn
    ELSE IF ~IsPending(turn.state, Head(seqs)) THEN CancelEach(config, turn, Tail(seqs))
    ELSE (LET m == Get(turn.state, Head(seqs))
              withdraw == [kind |-> "withdraw", id |-> EntryId(config, m.seq)]
          IN CancelEach(config, IF m.status.kind = "enqueued" THEN WithEffect(turn, withdraw)
                                ELSE Refuse(turn, m, "cancelled"), Tail(seqs)))

RECURSIVE LoseEach(_, _)
LoseEach(turn, seqs) ==
    IF seqs = <<>> THEN turn ELSE LoseEach(Lose(turn, Get(turn.state, Head(seqs))), Tail(seqs))

\* [cancel-while-waiting] [already-decided]
Cancel(config, turn, ticket) ==
    IF ticket.undecided = <<>> THEN Refusing(turn, "already-decided")
    ELSE IF Statuses(turn.state, ticket) \subseteq {"waiting", "enqueued"}
    THEN CancelEach(config, turn, ticket.undecided) ELSE Refusing(turn, "already-sent")

\* [abandon-only-unknown] [already-decided]
Abandon(turn, ticket) ==
    (LET IsUnknown(m) == m.ticket = ticket.number /\ m.status.kind = "unknown"
         unknown == SelectSeq(turn.state.pending, IsUnknown)
         seqs == [i \in DOMAIN unknown |-> unknown[i].seq]
     IN IF unknown = <<>> /\ ticket.undecided = <<>> THEN Refusing(turn, "already-decided")
        ELSE IF unknown # <<>> /\ Entries(ticket.undecided) \subseteq Entries(seqs)
        THEN LoseEach(turn, seqs) ELSE Refusing(turn, "not-unknown"))

\* [unknown-ticket]
Asked(config, turn, given) ==
    (LET ticket == TicketOf(turn.state, given.ticket)
     IN IF ~HasTicket(turn.state, given.ticket) THEN Refusing(turn, "unknown-ticket")
        ELSE IF given.kind = "cancel" THEN Cancel(config, turn, ticket)
        ELSE Abandon(turn, ticket))

Transition(config, turn, given) ==
    (CASE given.kind = "begin" -> Begin(turn)
       [] given.kind = "dispatch" -> Dispatch(config, turn, given)
       [] given.kind = "drain" -> Drain(turn)
       [] given.kind = "persisted" -> Persisted(config, turn, given)
       [] given.kind = "decided" -> Decided(config, turn, given)
       [] given.kind = "delta" -> DeltaApplied(config, turn, given)
       [] given.kind = "snapshot" -> SnapshotApplied(config, turn, given)
       [] given.kind = "fetched" -> Fetch(turn, given.rows, Before(turn.state.docs))
       [] given.kind = "hydrate" -> Hydrate(turn, given.rows)
       [] given.kind = "await" -> Await(turn, given)
       [] given.kind \in {"cancel", "abandon"} -> Asked(config, turn, given)
       [] given.kind = "revert" -> Revert(config, turn, given)
       [] given.kind = "tick" -> TimeOut(turn, given.now))

\* The next state and the ordered effects; or the same state and one error.
Step(config, before, given) ==
    (LET turn == Transition(config, Turn(before), given)
     IN IF turn.error # "" \* [pipeline-refusal-changes-nothing]
        THEN [state |-> before, effects |-> <<>>, error |-> turn.error]
        ELSE Done(Tell(config, HandOver(config, turn))))
===============================================================================
