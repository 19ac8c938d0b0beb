/** The part an application would write itself: apply a change of a script to the engine's data. */

import { changeInPlace, ChangeInapplicable, docsFromJson, docsToJson, parseChanges } from "../changes.js";
import { parsePatch, PatchInapplicable, PatchMalformed, patchInPlace } from "../patch.js";
import type { Json, JsonObject } from "./json.js";

/** Other documents with the changes applied. Throws ChangeInapplicable. */
export function changed(docs: JsonObject, atoms: JsonObject): JsonObject {
  const copies = docsFromJson(docs);
  changeInPlace(copies, parseChanges(atoms));
  return docsToJson(copies);
}

/** Change a document, or an engine's draft of it, in place; the document, another one if it was replaced. */
export function patchInto(draft: Json, patch: Json): Json {
  const root = { doc: draft };
  patchInPlace(root, parsePatch(patch));
  return root.doc;
}

/** The protocol's code for an exception of the functions above. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof ChangeInapplicable || error instanceof PatchInapplicable) return "change-inapplicable";
  return error instanceof PatchMalformed ? "patch-malformed" : undefined;
}
