// Two writes of one key, the second accepted first: the server ends with the first one's value, the client not.
import { isDeepStrictEqual } from "node:util";
import { legacy_createStore as createStore } from "redux";
import optimist from "redux-optimist";

const reducer = (state, action) => (action.type === "SET" ? { ...state, x: action.x } : state);
const store = createStore(optimist(reducer), { x: 0 });
store.dispatch({ type: "SET", x: 1, optimist: { type: optimist.BEGIN, id: 1 } });
store.dispatch({ type: "SET", x: 2, optimist: { type: optimist.BEGIN, id: 2 } });
store.dispatch({ type: "DONE", optimist: { type: optimist.COMMIT, id: 2 } });
store.dispatch({ type: "DONE", optimist: { type: optimist.COMMIT, id: 1 } });
const [expected, seen] = [1, store.getState().x];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
