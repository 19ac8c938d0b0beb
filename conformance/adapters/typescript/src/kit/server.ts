/** The server of profile `view`, played by the adapter: documents, one total order, stored verdicts. */

import type { Changes, Docs } from "../changes.js";
import { changeInPlace, ChangeInapplicable, docsFromJson, docsToJson, parseChanges } from "../changes.js";
import type { Json, JsonObject } from "./json.js";
import { copy } from "./json.js";
import { BadRequest } from "./run.js";

/** One accepted change: at `seq`, the next after `prev`. `m` is absent if somebody else made it. */
export interface Entry {
  readonly seq: number;
  readonly prev: number;
  readonly m: string | undefined;
  readonly changes: Changes;
  /** The changes as the script wrote them. */
  readonly atoms: JsonObject;
}

/** A document with its atom; `undefined` if there is none. What a server that sends rows would send. */
export type Row = readonly [atom: string, doc: Json | undefined];

export class ViewServer {
  readonly log: Entry[] = [];
  readonly #docs: Docs;
  readonly #written = new Map<string, JsonObject>();
  readonly #verdicts = new Map<string, Entry | "refused">();

  constructor(docs: Json | undefined) {
    this.#docs = docsFromJson(docs);
  }

  /** Remember what the application wrote: the server gets it when the script says so. */
  wrote(m: Json | undefined, atoms: Json | undefined): void {
    this.#written.set(String(m), atoms as JsonObject);
  }

  /** Accept `m`, at its first time for good; undefined: it does not apply, so it is refused for good. */
  accept(m: Json | undefined): Entry | undefined {
    const name = String(m);
    const atoms = this.#written.get(name);
    if (atoms === undefined) throw new BadRequest(`nothing was mutated as ${name}`);
    const verdict = this.#verdicts.get(name) ?? this.#take(atoms, name) ?? "refused";
    this.#verdicts.set(name, verdict);
    return verdict === "refused" ? undefined : verdict;
  }

  /** A change by somebody else; undefined: it does not apply. */
  foreign(atoms: Json | undefined): Entry | undefined {
    return this.#take(atoms as JsonObject, undefined);
  }

  /** The documents an entry names, as they are now. */
  rows(entry: Entry): Row[] {
    return Object.keys(entry.atoms).map((atom) => {
      const doc = this.#docs.get(atom);
      return [atom, doc === undefined ? undefined : copy(doc)];
    });
  }

  /** All documents. */
  json(): JsonObject {
    return docsToJson(this.#docs);
  }

  #take(atoms: JsonObject, m: string | undefined): Entry | undefined {
    const changes = parseChanges(atoms);
    try {
      changeInPlace(this.#docs, changes);
    } catch (error) {
      if (error instanceof ChangeInapplicable) return undefined;
      throw error;
    }
    const entry = { seq: this.log.length + 1, prev: this.log.length, m, changes, atoms };
    this.log.push(entry);
    return entry;
  }
}
