// A store as it is written by hand with fast-json-patch: what the server sent, and pending patches on top.
import jsonpatch from "fast-json-patch";

export class BaseAndReplay {
  #base;
  #pending = new Map();

  constructor(state, notify) {
    this.#base = this.state = state;
    this.notify = notify;
  }

  write(id, patch) {
    jsonpatch.applyPatch(this.state, patch, true, false);
    this.#pending.set(id, patch);
    this.#show();
  }

  /** The answer, with the server's patch if that comes along. */
  accepted(id, patch = []) {
    this.#pending.delete(id);
    this.received(patch);
  }

  rejected(id) {
    this.#pending.delete(id);
    this.#show();
  }

  received(patch) {
    this.#base = jsonpatch.applyPatch(this.#base, patch, false, false).newDocument;
    this.#show();
  }

  #show() {
    this.state = this.#base;
    for (const patch of this.#pending.values()) {
      try {
        this.state = jsonpatch.applyPatch(this.state, patch, true, false).newDocument;
      } catch {
        // it does not apply now; tried again next time
      }
    }
    this.notify();
  }
}
