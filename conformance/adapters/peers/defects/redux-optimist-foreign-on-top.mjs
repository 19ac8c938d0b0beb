// A foreign change is put on top of a pending write of the same key: the optimistic value is gone.
import { isDeepStrictEqual } from "node:util";
import { legacy_createStore as createStore } from "redux";
import optimist from "redux-optimist";

const reducer = (state, action) => (action.type === "SET" ? { ...state, x: action.x } : state);
const store = createStore(optimist(reducer), { x: 0 });
store.dispatch({ type: "SET", x: 1, optimist: { type: optimist.BEGIN, id: 1 } });
store.dispatch({ type: "SET", x: 5 }); // from the server's feed
const [expected, seen] = [1, store.getState().x];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
