// json-patch-inverses.mjs over the mended engine.
import { serve } from "../../typescript/dist/kit/index.js";
import { view } from "../common.mjs";
import { byHand } from "../json-patch.mjs";
import { RefreshedInverses } from "./refreshed-inverses.mjs";

serve({
  impl: { name: "fast-json-patch, refreshed inverses", version: "3.1.1" },
  rest: 1,
  profiles: {
    view: view({ lacks: ["split-ack", "data-first", "write-actions", "verdicts", "hooks"] }, byHand(RefreshedInverses)),
  },
});
