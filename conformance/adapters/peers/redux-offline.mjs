// @redux-offline/redux-offline 2.6.0: a queue of actions in a persisted Redux store, sent one at a time.
import { serve } from "../typescript/dist/kit/index.js";
import { outbox } from "./engines/redux-offline.mjs";

serve({
  impl: { name: "@redux-offline/redux-offline", version: "2.6.0" },
  profiles: { outbox: outbox() },
});
