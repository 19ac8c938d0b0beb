/**
 * The documents a host shows: changed in place by following the coordinator's plan. Each overlay
 * applied leaves its inverse, recorded afresh at every redo; undo takes the newest off the pile.
 */

import type { Changes, Docs } from "../changes.js";
import { changeInPlace, ChangeInapplicable } from "../changes.js";

interface Layer {
  readonly seq: number;
  /** Undefined: the overlay does not apply now and contributes nothing. */
  readonly inverse: Changes | undefined;
}

const NOTHING: Changes = new Map();

export class Store {
  readonly #layers: Layer[] = [];

  constructor(public docs: Docs) {}

  /** Whether changes apply to what is shown. */
  takes(changes: Changes): boolean {
    const inverse = attempt(this.docs, changes);
    if (inverse !== undefined) changeInPlace(this.docs, inverse);
    return inverse !== undefined;
  }

  /** Put an overlay on top; whether it applies. */
  redo(seq: number, changes: Changes): boolean {
    const inverse = attempt(this.docs, changes);
    this.#layers.push({ seq, inverse });
    return inverse !== undefined;
  }

  /** Take the top overlay off; the inverse that did it. */
  undo(seq: number): Changes {
    const layer = this.#layers.pop();
    if (layer?.seq !== seq) throw new Error(`${seq} is not the top overlay`);
    if (layer.inverse === undefined) return NOTHING;
    changeInPlace(this.docs, layer.inverse);
    return layer.inverse;
  }

  /** Change the confirmed documents; no overlay may be on top. The inverse, if the changes apply. */
  confirm(changes: Changes): Changes | undefined {
    if (this.#layers.length > 0) throw new Error("confirmed documents lie under overlays");
    return attempt(this.docs, changes);
  }
}

function attempt(docs: Docs, changes: Changes): Changes | undefined {
  try {
    return changeInPlace(docs, changes);
  } catch (error) {
    if (error instanceof ChangeInapplicable) return undefined;
    throw error;
  }
}
