// engines/stored-inverses.mjs mended by hand: undo down to the write that goes, redo the rest, and record
// each inverse afresh as it is redone. A foreign patch goes in under all of them.
import jsonpatch from "fast-json-patch";

export class RefreshedInverses {
  #pending = [];

  constructor(state, notify) {
    this.state = state;
    this.notify = notify;
  }

  write(id, patch) {
    jsonpatch.applyPatch(this.state, patch, true, false);
    this.#pending.push(this.#redo({ id, patch }));
    this.notify();
  }

  accepted(id) {
    const entry = this.#pending.find((pending) => pending.id === id);
    if (entry !== undefined) this.#replan((all) => all.filter((pending) => pending !== entry), entry.patch);
  }

  rejected(id) {
    this.#replan((all) => all.filter((pending) => pending.id !== id));
  }

  received(patch) {
    this.#replan((all) => all, patch);
  }

  #replan(keep, patch = []) {
    for (const { inverse } of this.#pending.reverse()) this.#apply(inverse);
    this.#apply(patch);
    this.#pending = keep(this.#pending.reverse()).map((entry) => this.#redo(entry));
    this.notify();
  }

  #redo({ id, patch }) {
    const before = this.state;
    try {
      this.state = jsonpatch.applyPatch(before, patch, true, false).newDocument;
    } catch {
      // it does not apply now: it contributes nothing, and is tried again next time
    }
    return { id, patch, inverse: jsonpatch.compare(this.state, before) };
  }

  #apply(patch) {
    this.state = jsonpatch.applyPatch(this.state, patch, false, false).newDocument;
  }
}
