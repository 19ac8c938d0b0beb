// A mutation settles and its query is fetched again: what another mutation under way has written is not shown any more.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient, QueryObserver } from "@tanstack/query-core";

const [client, queryKey, server] = [new QueryClient(), ["todo"], { x: 0, y: 0 }];
const onMutate = async (change) => {
  await client.cancelQueries({ queryKey });
  client.setQueryData(queryKey, (old) => ({ ...old, ...change }));
};
const onSettled = () => client.invalidateQueries({ queryKey });
const mutate = (change, mutationFn) => new MutationObserver(client, { mutationFn, onMutate, onSettled }).mutate(change);
new QueryObserver(client, { queryKey, queryFn: () => ({ ...server }), initialData: { ...server } }).subscribe(() => {});
void mutate({ x: 1 }, () => new Promise(() => {}));
await mutate({ y: 2 }, async (change) => Object.assign(server, change));
const [expected, seen] = [{ x: 1, y: 2 }, client.getQueryData(queryKey)];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
