// The file store alone. Without words: one JSON command a line, one answer a line. With `hammer DIR`: commits
// without end, a line after each. With `own DIR`: says whether it got the directory, and keeps it.
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";
import { FileStore } from "../../conformance/adapters/typescript/dist/engine/outbox-file.js";

const [word, place] = process.argv.slice(2);
const say = (answer) => writeSync(1, `${JSON.stringify(answer)}\n`);
const attempt = (call) => {
  try {
    return call() ?? {};
  } catch (error) {
    return { error: error.constructor.name, text: error.message };
  }
};

let store;
const commands = {
  open({ dir, slack }) {
    store = new FileStore(dir, slack);
    return { rows: Object.fromEntries(store.load()), damage: store.damage };
  },
  commit: ({ changes }) => store.commit(changes),
  die: () => store.die(),
  close: () => store.close(),
};

if (word === "hammer") {
  store = new FileStore(place, 2000);
  let at = store.load().get("a") ?? 0;
  for (;;) {
    at += 1;
    store.commit([["a", at], ["b", at], [`c${at % 7}`, at], [`c${(at + 3) % 7}`]]);
    say(at);
  }
} else if (word === "own") {
  say(attempt(() => commands.open({ dir: place })));
  setInterval(() => undefined, 1000);
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    say(attempt(() => commands[command.do](command)));
  }
}
