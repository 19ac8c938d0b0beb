// rtk-query.mjs mended by hand: undo all from the last down, drop the failed one, update again with the rest.
import { serve } from "../../typescript/dist/kit/index.js";
import { view } from "../common.mjs";
import { lacks, make } from "../engines/rtk-query.mjs";

class UndoAndRedo {
  #pending = [];

  constructor(update) {
    this.update = update;
  }

  write(m, atoms) {
    this.#pending.push({ m, atoms, patches: this.update(atoms) });
  }

  failed(m) {
    this.#replan((pending) => pending.m !== m);
  }

  /** An accepted write becomes the server's state, under what is still pending. */
  done(m) {
    const entry = this.#pending.find((pending) => pending.m === m);
    this.#replan((pending) => pending.m !== m, entry.atoms);
  }

  received(atoms) {
    this.#replan(() => true, atoms);
  }

  #replan(keep, atoms = {}) {
    for (const { patches } of this.#pending.reverse()) patches.reverse().forEach((patch) => patch.undo());
    this.update(atoms);
    const kept = this.#pending.reverse().filter(keep);
    this.#pending = [];
    for (const { m, atoms: own } of kept) this.#pending.push({ m, atoms: own, patches: this.#redo(own) });
  }

  #redo(atoms) {
    try {
      return this.update(atoms);
    } catch {
      return []; // it does not apply now: tried again next time
    }
  }
}

serve({
  impl: { name: "@reduxjs/toolkit query, undo and redo", version: "2.14.0" },
  profiles: { view: view({ lacks }, make(UndoAndRedo)) },
});
