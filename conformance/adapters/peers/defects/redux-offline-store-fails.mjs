// The store cannot save: the application is told nothing, though the write would be gone after a restart.
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const later = (work) => (...args) => setTimeout(() => args.pop()(null, work(...args)));
const setItem = (key, text, done) => void setTimeout(() => done(new Error("the disk is full")));
const storage = { getAllKeys: later(() => []), getItem: later(() => null), setItem };
const enhancer = offline({ effect: () => new Promise(() => {}), detectNetwork: null, persistOptions: { storage }, returnPromises: true });
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const store = createStore((state = {}) => state, {}, enhancer);
await pause();
let told = "nothing";
store.dispatch({ type: "WRITE", meta: { offline: { effect: "a" } } }).catch(() => (told = "an error"));
await pause();
const [expected, seen] = ["an error", told];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
