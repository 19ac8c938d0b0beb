// Between the script's changes by atom and a hand-written store whose documents are one JSON object.
import { Refused } from "../typescript/dist/kit/index.js";
import jsonpatch from "fast-json-patch";

const below = (atom) => (pointer) => `/${jsonpatch.escapePathComponent(atom)}${pointer}`;

/** One patch over all documents. */
function whole(atoms) {
  return Object.entries(atoms).flatMap(([atom, patch]) => {
    const at = below(atom);
    return patch.map((op) => ({ ...op, path: at(op.path), ...("from" in op && { from: at(op.from) }) }));
  });
}

export const byHand = (Engine) => (docs, tell, run) => {
  const engine = new Engine(docs, run.guard(() => tell.shown()));
  return {
    write(m, atoms) {
      try {
        engine.write(m, whole(atoms));
      } catch (error) {
        if (!(error instanceof jsonpatch.JsonPatchError)) throw error;
        throw new Refused("change-inapplicable", error.message);
      }
    },
    accepted: (m, arrived) => engine.accepted(m, arrived && whole(arrived.entry.atoms)),
    rejected: (m) => engine.rejected(m),
    data: ({ atoms }) => engine.received(whole(atoms)),
    view: () => engine.state,
  };
};
