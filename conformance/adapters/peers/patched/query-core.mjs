// query-core.mjs mended by hand: only the last mutation under way has what it wrote fetched again.
import { serve } from "../../typescript/dist/kit/index.js";
import { view } from "../common.mjs";
import { make, viaTheCache } from "../engines/query-core.mjs";

const isLast = (client) => client.isMutating({ mutationKey: ["write"] }) === 1;

serve({
  impl: { name: "@tanstack/query-core, via the cache, fetched again at the end", version: "5.108.0" },
  profiles: { view: view({}, make({ ...viaTheCache, isLast })) },
});
