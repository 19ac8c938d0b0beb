// The first of two mutations of a query fails: the data kept before both is put back, and the second write is gone.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient } from "@tanstack/query-core";

const [client, queryKey] = [new QueryClient(), ["todo"]];
const onMutate = async (change) => {
  await client.cancelQueries({ queryKey });
  const previous = client.getQueryData(queryKey);
  client.setQueryData(queryKey, (old) => ({ ...old, ...change }));
  return { previous };
};
const onError = (error, change, { previous }) => client.setQueryData(queryKey, previous);
const mutate = (change, mutationFn) => new MutationObserver(client, { mutationFn, onMutate, onError }).mutate(change);
client.setQueryData(queryKey, { x: 0, y: 0 });
void mutate({ x: 1 }, () => new Promise((_, fail) => setTimeout(fail, 10))).catch(() => {});
void mutate({ y: 2 }, () => new Promise(() => {}));
await new Promise((resolve) => setTimeout(resolve, 30));
const [expected, seen] = [{ x: 0, y: 2 }, client.getQueryData(queryKey)];
console.log("expected", expected, "seen", seen), process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: it is there
