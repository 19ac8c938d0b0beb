// fast-json-patch 3.1.1, with validation on: profile `patch`.
import { serve } from "../typescript/dist/kit/index.js";
import jsonpatch from "fast-json-patch";

const MALFORMED = /OPERATION_(NOT_AN_OBJECT|OP_INVALID|PATH_INVALID|FROM_REQUIRED|VALUE_REQUIRED)|SEQUENCE_NOT_AN_ARRAY/;
const patched = ({ doc, patch }) => jsonpatch.applyPatch(doc, patch, true, false).newDocument;

serve({
  impl: { name: "fast-json-patch", version: "3.1.1" },
  rest: 1,
  profiles: {
    patch: {
      sees: ["out"],
      codeOf: (error) => (MALFORMED.test(error.name) ? "patch-malformed" : "patch-inapplicable"),
      open: () => ({
        steps: {
          apply: (step) => ({ doc: patched(step) }),
          invert: (step) => ({ patch: jsonpatch.compare(patched(step), step.doc) }),
        },
        observe: () => ({}),
      }),
    },
  },
});
