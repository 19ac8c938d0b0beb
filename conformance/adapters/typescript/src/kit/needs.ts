/** Which capability of the closed list a script needs that an engine lacks: the first, if any. */

import type { Json } from "./json.js";
import { isObject } from "./json.js";
import type { Step } from "./run.js";

const OF_ANY: Readonly<Record<string, string>> = {
  tick: "clock",
  together: "together",
  hook: "hooks",
  crash: "crash",
  start: "crash",
};

export function needs(
  profile: string,
  steps: readonly Step[],
  lacks: readonly string[],
): { cap: string; step: number } | undefined {
  if (lacks.length === 0) return undefined;
  const view = profile === "view" ? new ViewNeeds() : undefined;
  for (const [index, step] of flat(steps)) {
    const wanted = view?.of(step) ?? [];
    const generic = OF_ANY[step.do];
    const cap = [...(generic === undefined ? [] : [generic]), ...wanted].find((c) => lacks.includes(c));
    if (cap !== undefined) return { cap, step: index + 1 };
  }
  return undefined;
}

/** Steps with the index of the outermost step they are in: of together, and called by hooks. */
function* flat(steps: readonly Step[]): Generator<[number, Step]> {
  for (const [index, step] of steps.entries()) {
    yield [index, step];
    if (Array.isArray(step["steps"])) for (const inner of step["steps"]) yield [index, inner as Step];
    if (isObject(step["call"])) yield [index, step["call"] as Step];
  }
}

/** Follows a script of profile `view`: which mutations are undecided, whose data came first. */
class ViewNeeds {
  readonly #undecided: string[] = [];

  of(step: Step): string[] {
    const m = String(step["m"]);
    if (step.do === "mutate") {
      this.#undecided.push(m);
      const several = Object.keys((step["atoms"] ?? {}) as object).length > 1;
      return [...(several ? ["multi-atom"] : []), ...actions(step["atoms"])];
    }
    if (step.do === "serve") {
      if (step["data"] === "sent") return ["data-first"];
      const order = this.#decide(m);
      if (step["verdict"] === "rejected") return ["rejections", ...order];
      return step["data"] === "later" ? ["split-ack", ...order] : order;
    }
    if (step.do !== "push") return [];
    if (step["atoms"] !== undefined) return ["foreign-push", ...actions(step["atoms"])];
    return this.#undecided.includes(m) ? ["data-first", ...this.#decide(m)] : [];
  }

  #decide(m: string): string[] {
    const at = this.#undecided.indexOf(m);
    if (at >= 0) this.#undecided.splice(at, 1);
    return at > 0 ? ["out-of-order-verdicts"] : [];
  }
}

function actions(atoms: Json | undefined): string[] {
  return isObject(atoms) && !Object.values(atoms).every(Array.isArray) ? ["write-actions"] : [];
}
