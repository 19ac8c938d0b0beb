/** Lines on stdin and stdout, fast, with nothing else able to write to stdout. */

import { Console } from "node:console";
import { writeSync } from "node:fs";

const FLUSH_CHARACTERS = 1 << 16;
const RETRY = new Int32Array(new SharedArrayBuffer(4));
let held = "";

/** Whatever the engine prints goes to stderr: stdout belongs to the protocol. */
export function keepStdoutClean(): void {
  globalThis.console = new Console(process.stderr, process.stderr);
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
}

/** Queue one line for stdout. */
export function put(line: string): void {
  held += line + "\n";
  if (held.length >= FLUSH_CHARACTERS) flush();
}

/** Write what is queued, in one go. */
export function flush(): void {
  if (held === "") return;
  const bytes = Buffer.from(held, "utf8");
  held = "";
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(RETRY, 0, 0, 1); // a non-blocking pipe that is full: wait a millisecond
    }
  }
}

/** Call `line` for every line of stdin and `end` once. A line above `limit` bytes is given as null. */
export function readLines(limit: () => number, line: (text: string | null) => void, end: () => void): void {
  let parts: Buffer[] = [];
  let size = 0;
  const close = (last: Buffer): void => {
    const long = size + last.length > limit();
    const whole = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    size = 0;
    if (long) line(null);
    else if (whole.length > 0) line(whole.toString("utf8"));
  };
  process.stdin.on("data", (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      close(chunk.subarray(from, at));
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (rest.length > 0 && size <= limit()) parts.push(rest);
  });
  process.stdin.on("end", () => {
    close(Buffer.alloc(0));
    end();
  });
}
