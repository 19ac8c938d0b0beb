// The connection breaks after the server has taken the write: told as failed, and taken back from the screen.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient } from "@tanstack/query-core";

const [client, queryKey, server] = [new QueryClient(), ["todo"], { x: 0 }];
const onMutate = async (change) => {
  await client.cancelQueries({ queryKey });
  const previous = client.getQueryData(queryKey);
  client.setQueryData(queryKey, (old) => ({ ...old, ...change }));
  return { previous };
};
const onError = (error, change, { previous }) => client.setQueryData(queryKey, previous);
const mutationFn = async (change) => { throw Object.assign(server, change) && new TypeError("fetch failed"); };
client.setQueryData(queryKey, { ...server });
const mutation = new MutationObserver(client, { mutationFn, onMutate, onError });
await mutation.mutate({ x: 1 }).catch(() => {});
const [expected, seen] = [["pending", server], [mutation.getCurrentResult().status, client.getQueryData(queryKey)]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
