/** Answers as they come in: walked by places that know where they are, so that every fault has its pointer. */

import type { Json, JsonObject } from "../kit/index.js";
import { isObject } from "../kit/index.js";
import { Refusal } from "../kit/refusal.js";

/** Something in an answer cannot be read. */
export class Malformed extends Refusal {
  constructor(readonly where: string) {
    super(`the answer cannot be read at "${where}"`);
  }
}

/** What a result, of an entry or of a whole operation, says when nothing was done. */
export interface Failure {
  readonly code: string;
  readonly definite: boolean;
  readonly retryMs: number | undefined;
}

/** A row after a write or of a read: its document, or absent. */
export type RowState = { readonly doc: Json } | { readonly absent: true };

export interface ReadRow {
  readonly entity: string;
  readonly version: number;
  readonly state: RowState;
}

/** What an acceptance carries, each part only if it was told. */
export interface Acceptance {
  readonly version?: number;
  readonly seq?: number;
  readonly ids?: Readonly<JsonObject>;
  readonly row?: RowState;
}

/** One value of an answer and the JSON Pointer to it. */
export class Place {
  constructor(
    readonly value: Json,
    readonly where = "",
  ) {}

  fail(): never {
    throw new Malformed(this.where);
  }

  /** A member, if it is there; of no object there is none. */
  member(name: string): Place | undefined {
    const { value } = this;
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    return this.#at(name, value[name] as Json);
  }

  /** A member that has to be there. */
  need(name: string): Place {
    return this.member(name) ?? this.fail();
  }

  /** None of these members may be there. */
  without(...names: readonly string[]): void {
    for (const name of names) this.member(name)?.fail();
  }

  items(): Place[] {
    return Array.isArray(this.value) ? this.value.map((item, index) => this.#at(String(index), item)) : this.fail();
  }

  name(): string {
    return typeof this.value === "string" && this.value !== "" ? this.value : this.fail();
  }

  count(): number {
    const { value } = this;
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : this.fail();
  }

  flag(): boolean {
    return typeof this.value === "boolean" ? this.value : this.fail();
  }

  ids(): JsonObject {
    if (!isObject(this.value) || Object.hasOwn(this.value, "")) return this.fail();
    for (const temporary of Object.keys(this.value)) this.need(temporary).name();
    return this.value;
  }

  row(): RowState {
    const [doc, absent] = [this.member("doc"), this.member("absent")];
    if ((doc === undefined) === (absent === undefined)) return this.fail();
    if (doc !== undefined) return { doc: doc.value };
    return absent?.value === true ? { absent: true } : this.fail();
  }

  readRow(): ReadRow {
    return { entity: this.need("entityId").name(), version: this.need("version").count(), state: this.row() };
  }

  failure(): Failure {
    const code = this.need("code").name();
    const definite = this.need("definite").flag();
    if (definite) this.without("retryAfterMs");
    return { code, definite, retryMs: this.member("retryAfterMs")?.count() };
  }

  #at(token: string, value: Json): Place {
    return new Place(value, `${this.where}/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
}

/** The verdict of a result, read wholly or not at all. Throws Malformed. */
export function verdictOf(result: Place): Acceptance | Failure {
  if (!result.need("ok").flag()) {
    const failure = result.need("error").failure();
    result.without("version", "serverSeq", "ids", "row");
    return failure;
  }
  result.without("error");
  const [version, seq] = [result.member("version")?.count(), result.member("serverSeq")?.count()];
  const [ids, row] = [result.member("ids")?.ids(), result.member("row")?.row()];
  return {
    ...(version !== undefined && { version }),
    ...(seq !== undefined && { seq }),
    ...(ids && { ids }),
    ...(row && { row }),
  };
}

/** The list that an operation's result holds under this name, or why the operation failed. Throws Malformed. */
export function listOf(result: Place, name: string): { readonly list: Place[]; readonly data: Place } | Failure {
  if (!result.need("ok").flag()) {
    const failure = result.need("error").failure();
    result.without("data");
    return failure;
  }
  result.without("error");
  const data = result.need("data");
  return { list: data.need(name).items(), data };
}
