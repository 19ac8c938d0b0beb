// @tanstack/db 0.15.2: a collection with a sync source, and transactions with a mutationFn.
import { isObject, patchInto, PlannedThrow, Refused, serve } from "../typescript/dist/kit/index.js";
import { requests, view } from "./common.mjs";
import { createCollection, createTransaction } from "@tanstack/db";

const row = (id, doc) => (isObject(doc) ? { id, ...doc } : { id, "=": doc });
// The collection adds members of its own, whose names begin with $.
const doc = (stored) => {
  const kept = Object.entries(stored).filter(([key]) => key !== "id" && !key.startsWith("$"));
  return "=" in stored ? stored["="] : Object.fromEntries(kept);
};

function source(docs) {
  const made = {};
  const known = new Set();
  made.collection = createCollection({
    id: "docs",
    getKey: ({ id }) => id,
    startSync: true,
    sync: {
      rowUpdateMode: "full",
      sync({ begin, write, commit, markReady }) {
        made.receive = (rows) => {
          begin();
          for (const [key, value] of rows) {
            if (value !== undefined) write({ type: known.has(key) ? "update" : "insert", key, value: row(key, value) });
            else if (known.has(key)) write({ type: "delete", key, value: { id: key } });
            value === undefined ? known.delete(key) : known.add(key);
          }
          commit();
        };
        made.receive(Object.entries(docs));
        markReady();
      },
    },
  });
  return made;
}

function change(collection, atom, to) {
  const update = (patch) => collection.update(atom, (draft) => void patchInto(draft, patch));
  if (Array.isArray(to)) return update(to);
  if ("create" in to) return collection.insert(row(atom, to.create));
  if (to.delete === true) return collection.delete(atom);
  if (!collection.has(atom)) return collection.insert(row(atom, to.upsert));
  if (to.patch !== undefined) return update(to.patch);
  return collection.update(atom, (draft) => {
    for (const key of Object.keys(draft)) if (key !== "id") delete draft[key];
    Object.assign(draft, row(atom, to.upsert));
  });
}

function make(docs, tell, run) {
  const sent = requests();
  const { collection, receive } = source(docs);
  collection.subscribeChanges(run.guard(() => tell.shown()));
  return {
    write(m, atoms) {
      const transaction = createTransaction({ autoCommit: false, mutationFn: () => sent.send(m) });
      try {
        transaction.mutate(() => Object.entries(atoms).forEach(([atom, to]) => change(collection, atom, to)));
      } catch (error) {
        transaction.isPersisted.promise.catch(() => undefined);
        if (transaction.state === "pending") transaction.rollback();
        if (error instanceof PlannedThrow) throw error;
        throw new Refused("change-inapplicable", String(error));
      }
      transaction.isPersisted.promise.then(() => tell.settled(m, "ok"), () => tell.settled(m, "rejected"));
      transaction.commit().catch(() => undefined);
    },
    accepted(m, arrived) {
      if (arrived !== undefined) receive(arrived.rows); // its documentation: resolve when the data is there
      sent.answer(m);
    },
    rejected: sent.refuse,
    data: (_, rows) => receive(rows),
    view: () => Object.fromEntries([...collection.entries()].map(([id, value]) => [id, doc(value)])),
  };
}

serve({
  impl: { name: "@tanstack/db", version: "0.15.2" },
  profiles: { view: view({}, make) },
});
