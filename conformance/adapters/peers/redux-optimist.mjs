// redux-optimist 1.0.0: actions that BEGIN, COMMIT or REVERT a transaction; a revert replays the rest.
import { changed, serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { legacy_createStore as createStore } from "redux";
import optimist from "redux-optimist";

const { BEGIN, COMMIT, REVERT } = optimist;

function reducer(state, action) {
  if (action.type !== "CHANGE") return state;
  try {
    return { docs: changed(state.docs, action.atoms) };
  } catch {
    return state; // replayed, and what it needs is gone
  }
}

function make(docs, tell, run) {
  const store = createStore(optimist(reducer), { docs });
  store.subscribe(run.guard(() => tell.shown()));
  const transaction = (type, id, more) => store.dispatch({ type: "DONE", ...more, optimist: { type, id } });
  return {
    write(m, atoms) {
      changed(store.getState().docs, atoms); // an application asks before it writes what cannot apply
      transaction(BEGIN, m, { type: "CHANGE", atoms });
    },
    accepted: (m) => transaction(COMMIT, m),
    rejected: (m) => transaction(REVERT, m),
    data: ({ atoms }) => store.dispatch({ type: "CHANGE", atoms }),
    view: () => store.getState().docs,
  };
}

serve({
  impl: { name: "redux-optimist", version: "1.0.0" },
  rest: 1,
  profiles: {
    // It knows transactions, not server data: what COMMIT brings is what BEGIN has shown. It tells no verdicts.
    view: view({ lacks: ["split-ack", "data-first", "verdicts"] }, make),
  },
});
