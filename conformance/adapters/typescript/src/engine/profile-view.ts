/** Profile `view`: coordinator and store as one engine, talking to the kit's server. */

import { ChangeInapplicable, docsFromJson, docsToJson, parseChanges } from "../changes.js";
import type { Entry, JsonObject, Observed, Profile, Run, Session, Step } from "../kit/index.js";
import { ViewServer } from "../kit/index.js";
import { Coordinator } from "./coordinator.js";
import type { Observer, Pending } from "./messages.js";
import { Store } from "./store.js";
import { strategies } from "./strategy.js";

const RETRY_MS = 60_000;
const EPOCH = 1;

class Engine implements Session {
  readonly #server: ViewServer;
  readonly #store: Store;
  readonly #coordinator: Coordinator;

  readonly steps: Session["steps"] = {
    mutate: (step) => this.#mutate(step),
    serve: (step) => this.#serve(step),
    push: ({ m, atoms }) => {
      const entry = m === undefined ? this.#server.foreign(atoms) : this.#server.accept(m);
      if (entry !== undefined) this.#delta(entry);
    },
  };

  constructor(
    given: JsonObject,
    private readonly run: Run,
  ) {
    this.#server = new ViewServer(given["docs"]);
    this.#store = new Store(docsFromJson(given["docs"]));
    const store = this.#store;
    const host = {
      shown: store.redo.bind(store),
      undo: ({ seq }: Pick<Pending, "seq">) => void store.undo(seq),
      redo: ({ seq, changes }: Pick<Pending, "seq" | "changes">) => void store.redo(seq, changes),
      apply: ({ changes }: Pick<Entry, "changes">) => store.confirm(changes) !== undefined,
      load: () => false,
    };
    const request = (after: number, upto: number): void => {
      for (const entry of this.#server.log.slice(after, upto)) this.#delta(entry);
    };
    const config = {
      variant: "labelled",
      dense: false,
      limits: { pending: 1000, buffer: 100 },
      strategy: strategies["client-wins"] ?? (() => []),
      epoch: EPOCH,
      seq: 0,
    } as const;
    const counter = { read: () => 0, write: () => undefined };
    this.#coordinator = new Coordinator(config, host, this.#observer(), { request, resync: () => undefined }, counter);
    setInterval(() => this.#coordinator.tick(), RETRY_MS);
  }

  observe(): Observed {
    return { view: docsToJson(this.#store.docs), server: this.#server.json() };
  }

  #mutate(step: Step): void {
    const changes = parseChanges(step["atoms"]);
    if (!this.#store.takes(changes)) throw new ChangeInapplicable("this change does not apply to what is shown");
    const seq = this.#coordinator.generate();
    this.run.names.bind(String(step["m"]), seq);
    this.#server.wrote(step["m"], step["atoms"]);
    this.#coordinator.register(seq, changes, true);
  }

  #serve({ m, verdict, data, code }: Step): void {
    if (verdict === "rejected") return this.#reject(m, String(code));
    const entry = this.#server.accept(m);
    if (entry === undefined) return this.#reject(m, "inapplicable");
    this.#coordinator.ack(EPOCH, this.#seq(m), entry.seq, undefined);
    if ((data ?? "with") === "with") this.#delta(entry);
  }

  #reject(m: unknown, code: string): void {
    this.#coordinator.reject(EPOCH, this.#seq(m), code);
  }

  #delta({ seq, prev, changes, m }: Entry): void {
    const settles = m === undefined ? [] : [{ mine: true, seq: this.#seq(m) }];
    this.#coordinator.delta({ epoch: EPOCH, seq, prev, changes, settles });
  }

  #seq(m: unknown): number {
    return this.run.names.raw(String(m)) as number;
  }

  #observer(): Observer {
    const settled = (seq: number, verdict: string): void =>
      this.run.effect({ e: "settled", m: this.run.names.name(seq), verdict });
    return {
      acked: (seq) => settled(seq, "ok"),
      rejected: (seq) => settled(seq, "rejected"),
      inDoubt: () => undefined,
      suspended: () => undefined,
      resumed: () => undefined,
      diag: () => undefined,
      change: () => this.run.effect({ e: "shown", view: docsToJson(this.#store.docs) }),
    };
  }
}

export const view: Profile = {
  sees: ["out", "effects", "view", "server"],
  open: (given, run) => new Engine(given, run),
  codeOf: (error) => (error instanceof ChangeInapplicable ? "change-inapplicable" : undefined),
};
