// After the rejection of one of several writes of a row, its value stays in the later ones.
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
receive("insert", { id: "a", x: 0, z: 0 });
write(() => rows.update("a", (row) => void (row.z = 2)), () => Promise.reject(new Error("no")));
write(() => rows.update("a", (row) => void (row.w = 3)), () => new Promise(() => {}));
await new Promise((resolve) => setTimeout(resolve, 20));
const { z, w } = rows.get("a") ?? {};
const [expected, seen] = [[0, 3], [z, w]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
