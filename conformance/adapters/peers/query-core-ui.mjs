// @tanstack/query-core 5.108.0: the second optimistic updates of its documentation, "via the UI".
import { serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { make, viaTheUi } from "./engines/query-core.mjs";
import { pipeline } from "./engines/query-core-pipeline.mjs";

serve({
  impl: { name: "@tanstack/query-core, via the UI", version: "5.108.0" },
  profiles: { view: view({}, make(viaTheUi)), pipeline: pipeline(viaTheUi) },
});
