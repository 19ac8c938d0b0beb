// @tanstack/query-core 5.108.0: the first optimistic updates of its documentation, "via the cache".
import { serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { make, viaTheCache } from "./engines/query-core.mjs";
import { pipeline } from "./engines/query-core-pipeline.mjs";

serve({
  impl: { name: "@tanstack/query-core, via the cache", version: "5.108.0" },
  profiles: { view: view({}, make(viaTheCache)), pipeline: pipeline(viaTheCache) },
});
