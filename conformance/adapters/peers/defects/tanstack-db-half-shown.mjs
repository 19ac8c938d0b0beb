// One transaction over two rows is notified in two parts: an observer sees half of it.
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
receive("insert", { id: "a", x: 0 }, { id: "b", x: 0 });
const seen = [];
rows.subscribeChanges(() => seen.push([rows.get("a").x, rows.get("b").x]));
write(() => ["a", "b"].forEach((id) => rows.update(id, (row) => void (row.x = 1))), () => new Promise(() => {}));
const expected = [[1, 1]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
