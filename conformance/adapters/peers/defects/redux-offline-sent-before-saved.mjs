// A write leaves for the server before it is stored: after a crash now, nothing is known of it.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const disk = new Map();
const later = (work) => (...args) => setTimeout(() => args.pop()(null, work(...args)));
const storage = { getAllKeys: later(() => [...disk.keys()]), getItem: later((key) => disk.get(key)), setItem: (key, text) => void disk.set(key, text) };
const seen = [];
const effect = (name) => (seen.push(disk.get("reduxPersist:offline")?.includes(name) ?? false), new Promise(() => {}));
const detectNetwork = (report) => report({ online: true });
const store = createStore((state = {}) => state, {}, offline({ effect, detectNetwork, persistOptions: { storage } }));
await new Promise((resolve) => setTimeout(resolve, 100));
store.dispatch({ type: "WRITE", meta: { offline: { effect: "a" } } });
await new Promise((resolve) => setTimeout(resolve, 100));
const expected = [true];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
