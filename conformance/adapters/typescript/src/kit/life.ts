/** One script from its start to its end: the lives of an engine, its steps, and what is observed of it. */

import type { Profile, Session } from "./adapter.js";
import type { Json, JsonObject } from "./json.js";
import { BadRequest, Died, PlannedThrow, Refused, Run, Unsupported } from "./run.js";
import type { Step } from "./run.js";
import { advance, advanceNow, dropTimers, fireDue, round, timerMoves } from "./time.js";

/** What is asked to be run. */
export type Frame = JsonObject & { id: Json; profile: string; with: JsonObject; steps: Step[] };

const MOST_ROUNDS = 100_000;
const CAP_OF_STEP: Readonly<Record<string, string>> = {
  abandon: "abandon",
  head: "request-missing",
  invert: "invert",
  snapshot: "resync",
  sent: "unsent",
};

export class Life {
  readonly run: Run;
  #session: Session | undefined;
  readonly #codeOf: (error: unknown) => string | undefined;

  constructor(
    private readonly profile: Profile,
    private readonly frame: Frame,
    /** Idle rounds of the event loop that make rest. */
    private readonly rounds: number,
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
    for (let idle = 0, all = 0; idle < this.rounds; all++) {
      if (all > MOST_ROUNDS) throw new Error("the engine never comes to rest");
      const before = run.moves + timerMoves();
      fireDue();
      await round();
      const still = run.moves + timerMoves() === before && run.openIo === 0;
      idle = still ? idle + 1 : 0;
    }
  }
}
