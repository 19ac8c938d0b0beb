// What the adapters of profile `view` share: the script's server on one side, an engine on the other.
import { codeOf, copy, PlannedThrow, ViewServer } from "../typescript/dist/kit/index.js";

/**
 * A profile `view` over an engine. `make(docs, tell, run)` starts one and gives
 *   write(m, atoms)    the application writes optimistically; throws if the engine refuses
 *   accepted(m, data)  the server's answer; data, if it comes with the answer, as for `data` below
 *   rejected(m, code)
 *   data(entry, rows)  the server's data on the feed: the change as it was made, or the new rows
 *   view()             the documents the application sees now
 * `tell.shown()` and `tell.settled(m, verdict)` are for the engine's notifications.
 */
export function view({ sees = ["out", "effects", "view", "server"], lacks = [] }, make) {
  return { sees, lacks, codeOf, open: (given, run) => session(make, given, run) };
}

function session(make, given, run) {
  const server = new ViewServer(given.docs);
  let engine; // while it starts nobody looks: what it notifies then is not reported
  const tell = {
    shown: () => void (engine && run.effect({ e: "shown", view: engine.view() })),
    settled: (m, verdict) => run.effect({ e: "settled", m, verdict }),
  };
  engine = make(copy(given.docs), tell, run);
  const data = (entry) => (entry === undefined ? undefined : { entry, rows: server.rows(entry) });
  const serve = ({ m, verdict, data: how = "with", code = "no" }) => {
    const entry = verdict === "ok" ? server.accept(m) : undefined;
    if (entry === undefined) return engine.rejected(m, code);
    return engine.accepted(m, how === "with" ? data(entry) : undefined);
  };
  const push = ({ m, atoms }) => {
    const arrived = data(m === undefined ? server.foreign(atoms) : server.accept(m));
    if (arrived !== undefined) engine.data(arrived.entry, arrived.rows);
  };
  const mutate = ({ m, atoms }) => {
    try {
      engine.write(m, atoms);
    } catch (error) {
      if (!(error instanceof PlannedThrow)) throw error; // refused: nothing leaves for the server
      server.wrote(m, atoms);
      throw error;
    }
    server.wrote(m, atoms);
  };
  // Nothing here answers the application's call but the engine's own refusal.
  const steps = { mutate, serve: (step) => void serve(step), push };
  return { steps, observe: () => ({ view: engine.view(), server: server.json() }) };
}

/** Requests under way, by mutation: what the transport would hold. */
export function requests() {
  const open = new Map();
  return {
    send: (m) => new Promise((resolve, reject) => open.set(m, { resolve, reject })),
    answer: (m) => open.get(m)?.resolve(),
    refuse: (m, code) => open.get(m)?.reject(new Error(code)),
  };
}
