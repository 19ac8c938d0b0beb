// A subscriber that throws makes the write throw, and takes it back.
import { isDeepStrictEqual } from "node:util";
import { createCollection } from "@tanstack/db";

const sync = { sync: ({ markReady }) => markReady() };
const onInsert = () => new Promise(() => {});
const rows = createCollection({ id: "rows", getKey: (row) => row.id, startSync: true, sync, onInsert });
const seen = [];
rows.subscribeChanges(() => { throw new Error("an observer with a bug"); });
try {
  rows.insert({ id: "a", x: 1 });
} catch { seen.push("thrown"); }
seen.push(rows.get("a")?.x);
const expected = [1];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
