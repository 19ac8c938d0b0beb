/** The independent implementation as an adapter: `node dist/main.js`. */

import { serve } from "./kit/index.js";
import { coordinator } from "./engine/profile-coordinator.js";
import { outbox } from "./engine/profile-outbox.js";
import { patch } from "./engine/profile-patch.js";
import { pipeline } from "./engine/profile-pipeline.js";
import { transport } from "./engine/profile-transport.js";
import { view } from "./engine/profile-view.js";

serve({
  impl: { name: "optisync-typescript", version: "0.1.0", language: "typescript" },
  rest: 1,
  profiles: { patch, coordinator, view, outbox, transport, pipeline },
});
