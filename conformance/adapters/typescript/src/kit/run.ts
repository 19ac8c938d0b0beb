/** One run: names, effects, hooks, faults. What an adapter's callbacks talk to. */

import type { Json, JsonObject } from "./json.js";
import { Refusal } from "./refusal.js";

export type Step = JsonObject & { do: string };

/** The engine refused the call: `{"err": code}`. */
export class Refused extends Refusal {
  constructor(
    readonly code: string,
    text = code,
  ) {
    super(text);
  }
}

/** The engine has no such capability; `cap` is one that the profile's `lacks` declares. */
export class Unsupported extends Error {
  constructor(
    readonly cap: string,
    text = `this engine has no ${cap}`,
  ) {
    super(text);
  }
}

/** The script does not fit the protocol. */
export class BadRequest extends Error {}

/** What a hooked callback throws. An engine that lets it through answers `callback-failure-escaped`. */
export class PlannedThrow extends Error {
  constructor(readonly effect: string) {
    super(`the script planned that this ${effect} callback throws`);
  }
}

/** Effects whose callback can fail: a throw planned for one is its failure. */
const PORTS: ReadonlySet<string> = new Set(["apply", "load"]);

interface Hook {
  readonly on: string;
  left: number;
  readonly call: Step | undefined;
}

/** Script names to the engine's own ids and back. */
export class Names<Raw = unknown> {
  readonly #raws = new Map<string, Raw>();
  readonly #names = new Map<Raw, string>();

  constructor(private readonly reused: (name: string) => void) {}

  /** `name` now stands for `raw`. One raw id for two names is reported as `id-reused`. */
  bind(name: string, raw: Raw): Raw {
    const owner = this.#names.get(raw);
    if (owner !== undefined && owner !== name) this.reused(name);
    this.#raws.set(name, raw);
    this.#names.set(raw, name);
    return raw;
  }

  raw(name: string): Raw | undefined {
    return this.#raws.get(name);
  }

  name(raw: Raw): string {
    return this.#names.get(raw) ?? `?${String(raw)}`;
  }

  get size(): number {
    return this.#raws.size;
  }
}

/** The process of the engine died inside a step, as the script planned. See Run.die. */
export class Died extends Refusal {
  constructor() {
    super("the script planned that the process dies here");
  }
}

const NONE: readonly Hook[] = [];

/** What an adapter gets for one script. */
export class Run {
  readonly names = new Names<never>((m) => this.effect({ e: "id-reused", m })) as unknown as Names;
  /** Survives `crash`: what the engine keeps in its durable store goes here. */
  readonly durable = new Map<string, unknown>();
  /** The index of the step being run; 0 before the first. */
  step = 0;
  /** The unplanned exception of a callback, if there was one. */
  broken: unknown = undefined;
  /** Whether the engine died inside the step being run: from then on it does, saves and shows nothing. */
  isDead = false;
  moves = 0;
  openIo = 0;
  /** Texts of effects, with commas between them. */
  #effects = "";
  #hooks: Hook[] = [];

  constructor(private readonly perform: (step: Step) => unknown) {}

  /** The engine did something: record it, then do what a hook planned for it. */
  effect(effect: JsonObject & { e: string }): void {
    if (this.isDead) return;
    this.moves += 1;
    const due = this.#hooks.length > 0 ? this.#due(effect.e) : NONE;
    const throws = due.some(({ call }) => call === undefined);
    const failed = throws && PORTS.has(effect.e);
    const text = JSON.stringify(failed ? { ...effect, failed } : effect);
    this.#effects = this.#effects === "" ? text : `${this.#effects},${text}`;
    for (const { call } of due) if (call !== undefined) this.perform(call);
    if (throws) throw new PlannedThrow(effect.e);
  }

  /** Wrap a callback given to the engine: an exception nobody planned is our fault, not its. */
  guard<A extends unknown[], R>(callback: (...args: A) => R): (...args: A) => R | undefined {
    return (...args) => {
      try {
        return callback(...args);
      } catch (error) {
        if (error instanceof PlannedThrow || error instanceof Died) throw error;
        this.broken ??= error;
        return undefined;
      }
    };
  }

  /**
   * The process dies here: nothing that the engine does in this step from now on is seen, and it gets no
   * further step before `start`. A store that is asked to save while `isDead` calls this again.
   */
  die(): never {
    this.isDead = true;
    throw new Died();
  }

  /** Work outside the event loop that rest has to wait for. */
  async io<T>(work: Promise<T>): Promise<T> {
    this.openIo += 1;
    try {
      return await work;
    } finally {
      this.openIo -= 1;
      this.moves += 1;
    }
  }

  /** The recorded effects, as the text of an array without its brackets; they are then forgotten. */
  take(): string {
    const taken = this.#effects;
    this.#effects = "";
    return taken;
  }

  plan(step: Step): void {
    const { on, nth = 1, call } = step as unknown as { on: string; nth?: number; call?: Step };
    if (typeof on !== "string" || (call === undefined && step["throw"] !== true)) {
      throw new BadRequest("a hook names an effect, and has throw or call");
    }
    this.#hooks.push({ on, left: nth, call });
  }

  /** The hooks whose turn this effect is; they are then forgotten. */
  #due(name: string): Hook[] {
    for (const hook of this.#hooks) if (hook.on === name) hook.left -= 1;
    const due = this.#hooks.filter(({ left }) => left <= 0);
    this.#hooks = this.#hooks.filter(({ left }) => left > 0);
    return due;
  }
}

export type Observed = { [field: string]: Json };
