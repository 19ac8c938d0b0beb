/** The adapter's side of protocol 1: hello, runs, observations, rest. See specs/protocol.md. */

import type { Adapter } from "./adapter.js";
import type { Json, JsonObject } from "./json.js";
import { isObject } from "./json.js";
import { Life } from "./life.js";
import type { Frame } from "./life.js";
import { flush, keepStdoutClean, put, readLines } from "./lines.js";
import { needs } from "./needs.js";
import { BadRequest, Died, PlannedThrow, Unsupported } from "./run.js";
import type { Run } from "./run.js";
import { onTimerError, resetTime } from "./time.js";

const MOST_HELD = 8;
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
  const life = new Life(profile, frame, rounds);
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
