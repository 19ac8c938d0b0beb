// redux-offline.mjs mended by hand, in its configuration: a failure without a status is tried again, a request without an
// answer is one, and an answered write leaves the queue by its name, not because it is the first.
import { serve } from "../../typescript/dist/kit/index.js";
import { outbox } from "../engines/redux-offline.mjs";

const within = (ms, request) =>
  Promise.race([request, new Promise((_, reject) => setTimeout(reject, ms, new TypeError("no answer")))]);

const mended = ({ effect, ...config }, { lease_ms }) => ({
  ...config,
  effect: (content, action) => within(lease_ms, effect(content, action)),
  discard: ({ status = 0 }) => status >= 400 && status < 500,
  queue: {
    enqueue: (outbox, action) => [...outbox, action],
    dequeue: (outbox, done) => outbox.filter(({ meta }) => meta.m !== done.meta.m),
    peek: ([first]) => first,
  },
});

serve({
  impl: { name: "@redux-offline/redux-offline, configured", version: "2.6.0" },
  profiles: { outbox: outbox(mended) },
});
