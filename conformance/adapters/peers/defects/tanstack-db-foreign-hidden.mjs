// While a write is pending, what the server sends is not shown: not another key, not another row.
import { isDeepStrictEqual } from "node:util";
import { createCollection, createTransaction } from "@tanstack/db";

let feed;
const sync = { rowUpdateMode: "full", sync: (given) => ((feed = given), given.markReady()) };
const rows = createCollection({ id: "rows", getKey: (row) => row.id, startSync: true, sync });
const receive = (type, ...values) => (feed.begin(), values.forEach((value) => feed.write({ type, key: value.id, value })), feed.commit());
const write = (edit, mutationFn) => {
  const transaction = createTransaction({ autoCommit: false, mutationFn });
  transaction.mutate(edit), transaction.isPersisted.promise.catch(() => {}), transaction.commit().catch(() => {});
};
receive("insert", { id: "a", x: 0, z: 0 }, { id: "b", y: 0 });
write(() => rows.update("a", (row) => void (row.x = 1)), () => new Promise(() => {}));
receive("update", { id: "a", x: 0, z: 5 }, { id: "b", y: 5 });
await new Promise((resolve) => setTimeout(resolve, 20));
const [expected, seen] = [[5, 5], [rows.get("a").z, rows.get("b").y]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
