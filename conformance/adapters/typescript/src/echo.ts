/**
 * The kit without an engine, for the benchmark: every step comes back as its own answer. `--rest` (default)
 * rests after each step, as an engine would; `--bare` answers each line at once.
 */

import type { Handler, Profile } from "./kit/index.js";
import { serve } from "./kit/index.js";
import { flush, put, readLines } from "./kit/lines.js";

const EVERY: Readonly<Record<string, Handler>> = new Proxy(
  {},
  { getOwnPropertyDescriptor: () => ({ configurable: true, value: true }), get: () => (step: unknown) => step },
);
const profile: Profile = { sees: ["out"], open: () => ({ steps: EVERY, observe: () => ({}) }) };
const impl = { name: "echo", version: "1" };

if (process.argv.includes("--bare")) {
  const hello = { t: "hello", protocol: 1, impl, profiles: {} };
  readLines(
    () => 1 << 24,
    (line) => {
      const frame = JSON.parse(line ?? "{}") as { t: string; id: number; steps: unknown[] };
      const obs = frame.t === "run" ? [{}, ...frame.steps].map((step) => ({ out: { ok: step }, effects: [] })) : [];
      put(JSON.stringify(frame.t === "run" ? { t: "ran", id: frame.id, obs } : hello));
      queueMicrotask(flush);
    },
    () => process.exit(0),
  );
} else {
  serve({ impl, rest: 1, profiles: { patch: profile, view: profile, coordinator: profile } });
}
