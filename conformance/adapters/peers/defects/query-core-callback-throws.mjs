// A callback that throws after the server has accepted: the mutation fails, and what it wrote is taken back.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient } from "@tanstack/query-core";

const [client, queryKey] = [new QueryClient(), ["todo"]];
const onMutate = async (change) => {
  await client.cancelQueries({ queryKey });
  const previous = client.getQueryData(queryKey);
  client.setQueryData(queryKey, (old) => ({ ...old, ...change }));
  return { previous };
};
const onSuccess = () => { throw new Error("a callback with a bug"); };
const onError = (error, change, { previous }) => client.setQueryData(queryKey, previous);
client.setQueryData(queryKey, { x: 0 });
const mutation = new MutationObserver(client, { mutationFn: async () => "accepted", onMutate, onSuccess, onError });
await mutation.mutate({ x: 1 }).catch(() => {});
const [expected, seen] = [["success", { x: 1 }], [mutation.getCurrentResult().status, client.getQueryData(queryKey)]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
