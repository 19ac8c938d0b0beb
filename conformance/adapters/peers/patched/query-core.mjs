// query-core.mjs mended by hand: only the last mutation under way has what it wrote fetched again; mutations of a document
// are in one scope, which makes them wait for one another; and a write whose answer is lost is sent again.
import { serve } from "../../typescript/dist/kit/index.js";
import { view } from "../common.mjs";
import { make, viaTheCache } from "../engines/query-core.mjs";
import { pipeline } from "../engines/query-core-pipeline.mjs";

const mended = { ...viaTheCache, isLast: (client) => client.isMutating({ mutationKey: ["write"] }) === 1 };
const optionsOf = ({ atoms }) => ({
  scope: { id: Object.keys(atoms)[0] },
  retry: (_, error) => error instanceof TypeError,
});

serve({
  impl: { name: "@tanstack/query-core, via the cache, mended", version: "5.108.0" },
  profiles: { view: view({}, make(mended)), pipeline: pipeline(mended, optionsOf) },
});
