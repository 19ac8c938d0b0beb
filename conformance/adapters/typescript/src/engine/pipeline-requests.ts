/** What is handed to persistence, and what it answers: each request counts once, each entry by its id. */

import type { Json } from "../kit/index.js";
import { same } from "../kit/index.js";
import type { Manner } from "./pipeline-segments.js";
import type { Core, Settling } from "./pipeline-settling.js";
import type { Answer, PersistEntry, Request, Result } from "./pipeline-types.js";
import type { Write } from "./pipeline-write.js";

export class Requests {
  readonly #open = new Map<number, readonly Write[]>();
  #handles = 0;

  constructor(
    private readonly core: Core,
    private readonly settling: Settling,
  ) {}

  /** These writes leave now. */
  make({ context, persistKey }: Manner, writes: readonly Write[]): Request {
    const handle = ++this.#handles;
    for (const write of writes) write.place = "persisting";
    this.#open.set(handle, writes);
    return { handle, entries: writes.map((write) => this.#entry(write)), context, persistKey };
  }

  /** The writes of a request that was not answered yet; it is from now on. */
  take(handle: number): readonly Write[] | undefined {
    const writes = this.#open.get(handle);
    this.#open.delete(handle);
    return writes;
  }

  settle(writes: readonly Write[], answer: Answer, epoch: number | undefined): void {
    const { core, settling } = this;
    settling.hear(epoch);
    const said = new Map<string, Result[]>();
    for (const [id, result] of answer.kind === "results" ? answer.results : []) {
      said.set(id, [...(said.get(id) ?? []), result]);
    }
    const asked = new Set(writes.map(({ seq }) => core.entryId(seq)));
    const named = answer.kind === "enqueued" ? answer.entries : said.keys();
    for (const id of new Set(named)) if (!asked.has(id)) core.diag("not-asked", id);
    for (const write of writes) {
      const id = core.entryId(write.seq);
      if (answer.kind === "failed") settling.verdict(write.seq, { kind: "rejected", code: answer.code }, undefined);
      else if (answer.kind === "enqueued" && answer.entries.includes(id)) settling.enqueued(write);
      else settling.verdict(write.seq, one(said.get(id) ?? []), epoch);
    }
  }

  #entry({ seq, resource, entity, change, base, temporary, parents }: Write): PersistEntry {
    const id = this.core.entryId(seq);
    const after = [...parents].filter(({ isPending, place }) => isPending && place === "enqueued");
    return {
      id,
      key: id,
      seq,
      resource,
      entity,
      change,
      base: change.kind === "create" ? undefined : base,
      temporary,
      after: after.map((parent) => parent.seq).sort((a, b) => a - b),
    };
  }
}

/** The one result that all of these are; nobody knows if they differ, or there is none. */
function one(results: readonly Result[]): Result {
  const plain = (result: Result): Json => JSON.parse(JSON.stringify(result, mapsToo)) as Json;
  const [first, ...others] = results;
  const isOne = first !== undefined && others.every((other) => same(plain(first), plain(other)));
  return isOne ? first : { kind: "unknown" };
}

function mapsToo(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
