// The server has taken a write, and a refetch is answered before the mutation: the variables are shown over themselves.
import { isDeepStrictEqual } from "node:util";
import { MutationObserver, QueryClient, QueryObserver } from "@tanstack/query-core";

const [client, queryKey, server] = [new QueryClient(), ["todos"], []];
const todos = new QueryObserver(client, { queryKey, queryFn: () => [...server], initialData: [] });
todos.subscribe(() => {});
const mutationFn = (todo) => (server.push(todo), new Promise(() => {})); // its answer is on the way
const addTodo = new MutationObserver(client, { mutationFn, onSettled: () => client.invalidateQueries({ queryKey }) });
void addTodo.mutate("p");
await new Promise((resolve) => setTimeout(resolve, 10));
await todos.refetch(); // as when the window gets the focus
const { isPending, variables } = addTodo.getCurrentResult();
const [expected, seen] = [["p"], [...todos.getCurrentResult().data, ...(isPending ? [variables] : [])]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
