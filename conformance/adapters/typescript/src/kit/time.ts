/**
 * Virtual time. Importing this module replaces the timers and the clock of the process, so it has
 * to be imported before the engine. Time moves only by `advance`, a step of the script.
 *
 * Replaced: setTimeout, setInterval, setImmediate and their clear functions, Date, performance.now.
 * Left alone: queueMicrotask, process.nextTick, MessageChannel (the rest rounds let them run).
 */

type Callback = (...args: unknown[]) => void;

interface Timer {
  readonly id: number;
  readonly callback: Callback;
  readonly args: readonly unknown[];
  readonly every: number | undefined;
  due: number;
}

const START = 1_700_000_000_000;
const realSetImmediate = globalThis.setImmediate;
const RealDate = globalThis.Date;

let now = START;
let nextId = 1;
let moves = 0;
let thrown = (error: unknown): void => {
  throw error;
};
// An array, not a Map: a Map that is cleared keeps its dead tables in a chain until a full collection.
let timers: Timer[] = [];

/** What code gets for a timer; Node's own class has these methods too. */
class Handle {
  constructor(readonly id: number) {}
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  [Symbol.toPrimitive](): number {
    return this.id;
  }
}

function arm(callback: Callback, ms: unknown, every: boolean, args: readonly unknown[]): Handle {
  const wait = Math.max(1, Math.trunc(Number(ms)) || 1);
  const timer: Timer = { id: nextId++, callback, args, every: every ? wait : undefined, due: now + wait };
  // A timer without a wait falls due at once, as everywhere in a browser.
  if (!every && !(Number(ms) > 0)) timer.due = now;
  timers.push(timer);
  moves += 1;
  return new Handle(timer.id);
}

function clear(handle: unknown): void {
  const id = Number(handle instanceof Handle ? handle.id : handle);
  timers = timers.filter((timer) => timer.id !== id);
}

function install(): void {
  const replaced = {
    setTimeout: (f: Callback, ms?: unknown, ...args: unknown[]) => arm(f, ms, false, args),
    setInterval: (f: Callback, ms?: unknown, ...args: unknown[]) => arm(f, ms, true, args),
    setImmediate: (f: Callback, ...args: unknown[]) => arm(f, 0, false, args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
    Date: new Proxy(RealDate, {
      construct: (target, args, self) =>
        Reflect.construct(target, args.length > 0 ? args : [now], self) as object,
      apply: () => new RealDate(now).toString(),
      get: (target, key, self) => (key === "now" ? () => now : (Reflect.get(target, key, self) as unknown)),
    }),
  };
  Object.assign(globalThis, replaced);
  performance.now = () => now - START;
}

install();

/** The earliest timer due by `limit`; the one armed first among equals. */
function earliest(limit: number): Timer | undefined {
  let best: Timer | undefined;
  for (const timer of timers) {
    if (timer.due <= limit && (best === undefined || timer.due < best.due)) best = timer;
  }
  return best;
}

function fire(timer: Timer): void {
  if (timer.every === undefined) timers = timers.filter((other) => other !== timer);
  else timer.due += timer.every;
  moves += 1;
  try {
    timer.callback(...timer.args);
  } catch (error) {
    thrown(error);
  }
}

/** A real turn of the event loop: microtasks, messages, I/O. */
export function round(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}

/** What to do with an exception that a timer's callback let out. */
export function onTimerError(handler: (error: unknown) => void): void {
  thrown = handler;
}

/** Counts timers armed and fired; rest compares it. */
export function timerMoves(): number {
  return moves;
}

/** Fire one timer that is due; whether there was one. */
export function fireDue(): boolean {
  if (timers.length === 0) return false;
  const timer = earliest(now);
  if (timer !== undefined) fire(timer);
  return timer !== undefined;
}

/** Let `ms` pass; between two timers `settle` lets the engine come to rest. */
export async function advance(ms: number, settle: () => Promise<void>): Promise<void> {
  const end = now + ms;
  for (let timer = earliest(end); timer !== undefined; timer = earliest(end)) {
    now = Math.max(now, timer.due);
    fire(timer);
    await settle();
  }
  now = end;
}

/** As `advance`, in one synchronous turn. */
export function advanceNow(ms: number): void {
  const end = now + ms;
  for (let timer = earliest(end); timer !== undefined; timer = earliest(end)) {
    now = Math.max(now, timer.due);
    fire(timer);
  }
  now = end;
}

/** Forget all timers and begin at the same moment again: a new process as far as time goes. */
export function resetTime(): void {
  timers = [];
  now = START;
}

/** Forget all timers; the clock goes on. What a crash does. */
export function dropTimers(): void {
  timers = [];
}
