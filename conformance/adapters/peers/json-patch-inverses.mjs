// fast-json-patch by hand, the first usual way: apply the write, keep its inverse, apply that on rejection.
import { serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { StoredInverses } from "./engines/stored-inverses.mjs";
import { byHand } from "./json-patch.mjs";

serve({
  impl: { name: "fast-json-patch, stored inverses", version: "3.1.1" },
  rest: 1,
  profiles: {
    // It does not know server data from an answer: the sender is left out of the server's broadcast.
    view: view({ lacks: ["split-ack", "data-first", "write-actions", "verdicts", "hooks"] }, byHand(StoredInverses)),
  },
});
