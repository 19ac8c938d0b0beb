/** The adapter's side of protocol 1: hello, runs, observations, rest. See specs/protocol.md. */

import type { Json, JsonObject } from "./json.js";
import { isObject } from "./json.js";
import { flush, keepStdoutClean, put, readLines } from "./lines.js";
import { needs } from "./needs.js";
import { BadRequest, Died, PlannedThrow, Refused, Run, Unsupported } from "./run.js";
import type { Observed, Step } from "./run.js";
import { advance, advanceNow, dropTimers, fireDue, onTimerError, resetTime, round, timerMoves } from "./time.js";

/** Answers one kind of step: what the engine answered (or a promise of it), or throws Refused. `this` is the session. */
export type Handler = (step: Step) => unknown;

/** One life of the engine. */
export interface Session {
  /** By the `do` of the step. `tick`, `together`, `hook`, `crash` and `start` are the kit's own. */
  readonly steps: Readonly<Record<string, Handler>>;
  /** The fields of an observation besides out and effects, as they are now. */
  observe(): Observed;
  /** Its process ends, by `crash`, by `Run.die`, or because the script is over: let go of open files. */
  died?(): void;
}

export interface Profile {
  readonly sees: readonly string[];
  readonly lacks?: readonly string[];
  readonly is?: readonly string[];
  /** A fresh engine. Called again by `start`, with the same `run.durable`. */
  open(given: JsonObject, run: Run): Session | Promise<Session>;
  /** The protocol's code for an error of the engine; undefined: not a refusal, but our fault. */
  codeOf?(error: unknown): string | undefined;
  /** The script is over: remove what the run left outside the process. */
  done?(run: Run): void;
}

export interface Adapter {
  readonly impl: { name: string; version: string; language?: string; source?: string };
  readonly profiles: Readonly<Record<string, Profile>>;
  /** Idle rounds of the event loop that make rest. Default 2; a synchronous engine needs 1. */
  readonly rest?: number;
}

type Frame = JsonObject & { id: Json; profile: string; with: JsonObject; steps: Step[] };

const MOST_ROUNDS = 100_000;
const MOST_HELD = 8;
const CAP_OF_STEP: Readonly<Record<string, string>> = {
  abandon: "abandon",
  head: "request-missing",
  invert: "invert",
  snapshot: "resync",
  sent: "unsent",
};

let frameBytes = 16 * 1024 * 1024;
let rounds = 2;

/** Serve the protocol on stdin and stdout until stdin closes. `--bare-echo`, `--echo`: for benchmarks. */
export function serve(adapter: Adapter): void {
  keepStdoutClean();
  rounds = adapter.rest ?? 2;
  process.on("unhandledRejection", (why) => console.error("unhandled rejection:", why));
  process.on("uncaughtException", astray);
  onTimerError(astray);
  const queue: (string | null)[] = [];
  let ended = false;
  let busy = false;
  const pump = async (): Promise<void> => {
    busy = true;
    for (let held = 1; queue.length > 0; held++) {
      await answer(adapter, queue.shift() as string | null);
      if (held % MOST_HELD === 0) flush();
    }
    flush();
    busy = false;
    if (ended) process.exit(0);
  };
  const wake = (): void => {
    if (!busy) void pump();
  };
  readLines(
    () => frameBytes,
    (line) => {
      queue.push(line);
      wake();
    },
    () => {
      ended = true;
      wake();
    },
  );
}

let current: Run | undefined;

/** An exception that reached the event loop. A planned one is what the script wanted to see survived. */
function astray(error: unknown): void {
  console.error("uncaught:", error);
  const planned = error instanceof PlannedThrow || error instanceof Died;
  if (current !== undefined && !planned) current.broken ??= error;
}

function fault(id: Json, kind: string, text: string, more: JsonObject = {}): void {
  put(JSON.stringify({ t: "fault", id, kind, ...more, text }));
}

async function answer(adapter: Adapter, line: string | null): Promise<void> {
  if (line === null) return fault(-1, "bad-request", `a line of more than ${frameBytes} bytes`);
  let frame: unknown;
  try {
    frame = JSON.parse(line);
  } catch (error) {
    return fault(-1, "bad-request", `not JSON: ${String(error)}`);
  }
  if (!isObject(frame)) return fault(-1, "bad-request", "a frame is an object");
  if (frame["t"] === "hello") return hello(adapter, frame);
  const id = frame["id"] ?? -1;
  if (frame["t"] !== "run") return fault(id, "bad-request", `no frame is called ${JSON.stringify(frame["t"])}`);
  if (!Array.isArray(frame["steps"]) || !frame["steps"].every((s) => isObject(s) && typeof s["do"] === "string")) {
    return fault(id, "bad-request", "steps is an array of objects that say what to do");
  }
  await runFrame(adapter, { with: {}, ...frame } as Frame);
}

function hello(adapter: Adapter, frame: JsonObject): void {
  const limits = isObject(frame["limits"]) ? frame["limits"] : {};
  frameBytes = Number(limits["frame_bytes"] ?? frameBytes);
  rounds = (adapter.rest ?? 2) + Number(limits["extra_rest"] ?? 0);
  const offered = frame["protocol"];
  if (!Array.isArray(offered) || !offered.includes(1)) {
    return fault(-1, "bad-request", "this adapter speaks protocol 1 only");
  }
  const profiles: JsonObject = {};
  for (const [name, p] of Object.entries(adapter.profiles)) {
    profiles[name] = { sees: [...p.sees], lacks: [...(p.lacks ?? [])], is: [...(p.is ?? [])] };
  }
  const impl = { language: "javascript", source: "", ...adapter.impl };
  put(JSON.stringify({ t: "hello", protocol: 1, impl, profiles }));
  flush();
}

async function runFrame(adapter: Adapter, frame: Frame): Promise<void> {
  const profile = Object.hasOwn(adapter.profiles, frame.profile) ? adapter.profiles[frame.profile] : undefined;
  if (profile === undefined) {
    return fault(frame.id, "unsupported", `no profile ${frame.profile}`, { cap: frame.profile });
  }
  const missing = needs(frame.profile, frame.steps, profile.lacks ?? []);
  if (missing !== undefined) {
    const { cap, step } = missing;
    return fault(frame.id, "unsupported", `this engine has no ${cap}`, { cap, step });
  }
  resetTime();
  const life = new Life(profile, frame);
  current = life.run;
  try {
    const obs = await life.whole();
    put(`{"t":"ran","id":${JSON.stringify(frame.id)},"obs":[${obs}]}`);
  } catch (error) {
    const step = { step: life.run.step };
    if (error instanceof Unsupported) fault(frame.id, "unsupported", error.message, { cap: error.cap, ...step });
    else if (error instanceof BadRequest) fault(frame.id, "bad-request", error.message, step);
    else fault(frame.id, "internal", error instanceof Error ? (error.stack ?? error.message) : String(error), step);
  } finally {
    life.end();
    current = undefined;
  }
}

/** One script from its start to its end. */
class Life {
  readonly run: Run;
  #session: Session | undefined;
  readonly #codeOf: (error: unknown) => string | undefined;

  constructor(
    private readonly profile: Profile,
    private readonly frame: Frame,
  ) {
    this.run = new Run((step) => this.#settle(this.#perform(step)));
    this.#codeOf = profile.codeOf?.bind(profile) ?? (() => undefined);
  }

  /** The observations, as the text of an array without its brackets. */
  async whole(): Promise<string> {
    const opened = this.profile.open(this.frame.with, this.run);
    this.#session = opened instanceof Promise ? await opened : opened;
    await this.#rest();
    let obs = this.#observe('{"ok":{}}');
    for (const step of this.frame.steps) {
      this.run.step += 1;
      obs += `,${this.#observe(await this.#answer(step))}`;
    }
    return obs;
  }

  #observe(out: string): string {
    if (this.run.broken !== undefined) throw this.run.broken;
    const head = `{"out":${out},"effects":[${this.run.take()}]`;
    const tail = this.#session === undefined ? "{}" : JSON.stringify(this.#session.observe());
    return tail === "{}" ? `${head}}` : `${head},${tail.slice(1)}`;
  }

  async #answer(step: Step): Promise<string> {
    if (step.do === "start" || step.do === "crash") return this.#lives(step);
    if (step.do === "tick" && this.#session !== undefined) {
      await advance(Number(step["ms"] ?? 60_000), () => this.#rest());
      await this.#rest();
      return this.run.isDead ? this.#died() : '{"ok":{}}';
    }
    try {
      const out = this.#settle(this.#perform(step));
      await this.#rest();
      return this.run.isDead ? this.#died() : out();
    } catch (error) {
      if (this.run.isDead) return this.#died();
      throw error;
    }
  }

  async #lives(step: Step): Promise<string> {
    if ((step.do === "crash") !== (this.#session !== undefined)) {
      throw new BadRequest("crash ends a life, start begins the next");
    }
    if (step.do === "crash") {
      this.#died();
      this.run.take();
    } else {
      this.run.isDead = false;
      try {
        this.#session = await this.profile.open(this.frame.with, this.run);
      } catch (error) {
        return this.run.isDead ? this.#died() : this.#refusal(error);
      }
    }
    await this.#rest();
    return this.run.isDead ? this.#died() : '{"ok":{}}';
  }

  /** The process is gone; what it answers. */
  #died(): string {
    this.#session?.died?.();
    this.#session = undefined;
    dropTimers();
    return '{"open":true}';
  }

  /** The script is over. */
  end(): void {
    this.#session?.died?.();
    this.profile.done?.(this.run);
  }

  /** Make the call of one step, synchronously. */
  #perform(step: Step): unknown {
    const inner = step.do === "together" ? (step["steps"] as Step[]) : [];
    const begins = inner[0]?.do === "start";
    if (begins !== (this.#session === undefined)) throw new BadRequest("only start may follow crash, and nothing else");
    if (begins) this.#begin();
    if (step.do !== "together") return this.#attempt(step);
    const outs = inner.map((each, at) => this.#settle(begins && at === 0 ? {} : this.#attempt(each)));
    return () => `{"ok":{"outs":[${outs.map((out) => out()).join(",")}]}}`;
  }

  /** A new life in this turn, without the engine having one to read what is stored. */
  #begin(): void {
    this.run.isDead = false;
    const opened = this.profile.open(this.frame.with, this.run);
    if (opened instanceof Promise) throw new Unsupported("together", "this adapter's `open` takes more than a turn");
    this.#session = opened;
  }

  #attempt(step: Step): unknown {
    if (this.run.isDead) throw new Died();
    if (step.do === "hook") return this.run.plan(step);
    if (step.do === "tick") return advanceNow(Number(step["ms"] ?? 60_000));
    const steps = this.#session?.steps ?? {};
    const handler = Object.hasOwn(steps, step.do) ? steps[step.do] : undefined;
    if (handler === undefined) {
      const cap = CAP_OF_STEP[step.do];
      if (cap !== undefined) throw new Unsupported(cap);
      throw new BadRequest(`profile ${this.frame.profile} of this adapter has no step ${step.do}`);
    }
    try {
      return handler.call(this.#session, step);
    } catch (error) {
      const refused = this.#refusal(error);
      return () => refused;
    }
  }

  #refusal(error: unknown): string {
    if (error instanceof Unsupported || error instanceof BadRequest || error instanceof Died) throw error;
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof PlannedThrow) return JSON.stringify({ err: "callback-failure-escaped", text });
    const code = error instanceof Refused ? error.code : this.#codeOf(error);
    if (code === undefined) throw error;
    return JSON.stringify({ err: code, text });
  }

  /** What to report of an answer once there is rest: a promise still pending then is `open`. */
  #settle(answer: unknown): () => string {
    if (typeof answer === "function") return answer as () => string;
    const ok = (value: unknown): string => JSON.stringify({ ok: value ?? {} });
    if (!(answer instanceof Promise)) {
      const text = ok(answer);
      return () => text;
    }
    const step = this.run.step;
    let out: string | undefined;
    let asked = false;
    const done = (text: string): void => {
      out = text;
      if (asked) this.run.effect({ e: "returned", step, out: JSON.parse(text) as Json });
      else this.run.moves += 1;
    };
    answer.then(
      (value) => done(ok(value)),
      (error: unknown) => {
        try {
          done(this.#refusal(error));
        } catch (ours) {
          this.run.broken ??= ours;
        }
      },
    );
    return () => {
      asked = true;
      return out ?? '{"open":true}';
    };
  }

  /** Run what is due now, then wait for idle rounds: no effect, no timer, no counted I/O. */
  async #rest(): Promise<void> {
    const run = this.run;
    for (let idle = 0, all = 0; idle < rounds; all++) {
      if (all > MOST_ROUNDS) throw new Error("the engine never comes to rest");
      const before = run.moves + timerMoves();
      fireDue();
      await round();
      const still = run.moves + timerMoves() === before && run.openIo === 0;
      idle = still ? idle + 1 : 0;
    }
  }
}
