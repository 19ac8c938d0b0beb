// Of a mutation that has written to two queries half is shown, once one of them is fetched again.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient, QueryObserver } from "@tanstack/query-core";

const [client, keys] = [new QueryClient(), [["a"], ["b"]]];
for (const queryKey of keys) {
  new QueryObserver(client, { queryKey, queryFn: () => ({ x: 0 }), initialData: { x: 0 } }).subscribe(() => {});
}
const onMutate = async () => {
  for (const queryKey of keys) await client.cancelQueries({ queryKey });
  for (const queryKey of keys) client.setQueryData(queryKey, { x: 1 });
};
void new MutationObserver(client, { mutationFn: () => new Promise(() => {}), onMutate }).mutate();
await new Promise((resolve) => setTimeout(resolve, 10));
await client.invalidateQueries({ queryKey: ["a"] }); // somebody changed it, or another mutation of it has settled
const [expected, seen] = [[1, 1], keys.map((key) => client.getQueryData(key).x)];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
