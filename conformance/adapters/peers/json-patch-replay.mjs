// fast-json-patch by hand, the second usual way: a base from the server, pending patches replayed on it.
import { serve } from "../typescript/dist/kit/index.js";
import { view } from "./common.mjs";
import { BaseAndReplay } from "./engines/base-and-replay.mjs";
import { byHand } from "./json-patch.mjs";

serve({
  impl: { name: "fast-json-patch, base and replay", version: "3.1.1" },
  rest: 1,
  profiles: { view: view({ lacks: ["write-actions", "verdicts", "hooks"] }, byHand(BaseAndReplay)) },
});
