// The server cannot be reached while the browser says it is online: the write is rolled back and gone.
import { createServer } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { offline } from "@redux-offline/redux-offline";
import { legacy_createStore as createStore } from "redux";

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;
await new Promise((resolve) => server.close(resolve)); // nobody listens there now
const reducer = (state, { type, payload }) => (type === "ROLLBACK" ? { told: [...state.told, String(payload)] } : state);
const detectNetwork = (report) => report({ online: true });
const store = createStore(reducer, { told: [] }, offline({ detectNetwork, persist: null })); // with the default effect: fetch
store.dispatch({ type: "WRITE", meta: { offline: { effect: { url, method: "POST", json: {} }, rollback: { type: "ROLLBACK" } } } });
await new Promise((resolve) => setTimeout(resolve, 500));
const { told, offline: { outbox } } = store.getState();
const [expected, seen] = [[1, []], [outbox.length, told]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
