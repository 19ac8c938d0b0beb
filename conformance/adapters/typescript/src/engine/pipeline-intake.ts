/** Events as they come in: taken apart into writes, checked, and with the ids that rows have now. */

import type { TemporaryIds } from "./pipeline-ids.js";
import { writesOf } from "./pipeline-patches.js";
import type { Kind, Manner } from "./pipeline-segments.js";
import { kindOf } from "./pipeline-segments.js";
import type { Tickets } from "./pipeline-tickets.js";
import type { Envelope, OneWrite, RowsPatch } from "./pipeline-types.js";
import { refuse } from "./pipeline-types.js";
import type { Write } from "./pipeline-write.js";
import { atomOf } from "./pipeline-write.js";

/** An event, taken apart. */
export interface Event {
  readonly manner: Manner;
  readonly writes: readonly OneWrite[];
  /** The entities of the writes, by the names that they were given under. */
  readonly names: readonly string[];
  /** For each write, those that it restores or takes back. */
  readonly restores: readonly (readonly Write[])[];
  readonly envelope: Envelope;
}

export class Intake {
  constructor(
    private readonly ids: TemporaryIds,
    private readonly tickets: Tickets,
    private readonly capacity: number,
  ) {}

  /** Throws event-malformed. */
  oneWrite(write: OneWrite, envelope: Envelope): Event {
    const { resource, entity, change, temporary } = write;
    const makesNone = change.kind === "update" || change.kind === "delete";
    if (resource === "" || entity === "" || (temporary && makesNone)) refuse("event-malformed");
    if (change.kind === "update" && change.patch.length === 0) refuse("event-malformed");
    return this.#event(kindOf(change), [write], envelope);
  }

  /** Throws event-malformed. */
  rows(patch: RowsPatch, envelope: Envelope): Event {
    const writes = writesOf(patch);
    if (patch.resource === "" || writes.length === 0) refuse("event-malformed");
    return this.#event("patches", writes, envelope);
  }

  reversal(writes: readonly OneWrite[], restores: Event["restores"], envelope: Envelope): Event {
    return { ...this.#event("patches", writes, envelope), restores };
  }

  /** Whether the event may be taken under these numbers. Throws the first code that applies. */
  check(seqs: readonly number[], { writes, envelope }: Event, last: number, pending: number): void {
    const isAscending = seqs.every((seq, at) => seq > (seqs[at - 1] ?? last));
    if (seqs.length !== writes.length || !isAscending) refuse("number-order");
    if (pending + writes.length > this.capacity) refuse("pipeline-full");
    if (envelope.ticket !== undefined) this.tickets.checkFree(envelope.ticket);
    if (writes.some(({ temporary, entity }) => temporary && this.ids.isTaken(entity))) refuse("temporary-id-reused");
    if (writes.some(({ entity, change }) => this.ids.mentionsDead(entity, change))) refuse("parent-rejected");
  }

  #event(kind: Kind, writes: readonly OneWrite[], envelope: Envelope): Event {
    const { context, persistKey } = envelope;
    const renamed = writes.map((write) => ({
      ...write,
      entity: write.temporary ? write.entity : this.ids.current(write.entity),
      change: this.ids.renamed(write.change),
    }));
    const manner = { resource: writes[0]?.resource ?? "", kind, context, persistKey };
    const names = writes.map(({ resource, entity }) => atomOf(resource, entity));
    return { manner, writes: renamed, names, restores: [], envelope };
  }
}
