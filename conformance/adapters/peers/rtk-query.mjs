// @reduxjs/toolkit query 2.14.0: updateQueryData and undo.
import { serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { DocumentedUndo, lacks, make } from "./engines/rtk-query.mjs";

serve({
  impl: { name: "@reduxjs/toolkit query", version: "2.14.0" },
  profiles: { view: view({ lacks }, make(DocumentedUndo)) },
});
