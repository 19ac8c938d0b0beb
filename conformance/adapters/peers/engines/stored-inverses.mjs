// A store as it is written by hand with fast-json-patch: one document, an inverse kept for each write.
import jsonpatch from "fast-json-patch";

export class StoredInverses {
  #inverses = new Map();

  constructor(state, notify) {
    this.state = state;
    this.notify = notify;
  }

  write(id, patch) {
    const after = jsonpatch.applyPatch(this.state, patch, true, false).newDocument;
    this.#inverses.set(id, jsonpatch.compare(after, this.state));
    this.#show(after);
  }

  accepted(id) {
    this.#inverses.delete(id);
  }

  rejected(id) {
    const inverse = this.#inverses.get(id) ?? [];
    this.#inverses.delete(id);
    this.#show(jsonpatch.applyPatch(this.state, inverse, false, false).newDocument);
  }

  received(patch) {
    this.#show(jsonpatch.applyPatch(this.state, patch, false, false).newDocument);
  }

  #show(state) {
    this.state = state;
    this.notify();
  }
}
