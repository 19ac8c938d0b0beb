/** Profile `patch`: RFC 6902 on one document. */

import type { Json, Profile, Step } from "../kit/index.js";
import { PatchInapplicable, PatchMalformed, parsePatch, patchInPlace } from "../patch.js";

function applied(step: Step): { doc: Json; patch: Json } {
  const root = { doc: step["doc"] as Json };
  const patch = patchInPlace(root, parsePatch(step["patch"]));
  return { doc: root.doc, patch: patch as unknown as Json };
}

export const patch: Profile = {
  sees: ["out"],
  open: () => ({
    steps: {
      apply: (step) => ({ doc: applied(step).doc }),
      invert: (step) => ({ patch: applied(step).patch }),
    },
    observe: () => ({}),
  }),
  codeOf(error) {
    if (error instanceof PatchInapplicable) return "patch-inapplicable";
    return error instanceof PatchMalformed ? "patch-malformed" : undefined;
  },
};
