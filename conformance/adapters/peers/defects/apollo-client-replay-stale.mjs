// A layer that writes less when it is replayed: the cached reads keep what it wrote the first time.
import { isDeepStrictEqual } from "node:util";
import { gql, InMemoryCache } from "@apollo/client/core";

const query = gql`{ a { id n } b { id n } }`;
const fragment = gql`fragment N on Row { n }`;
const row = (id, n) => ({ __typename: "Row", id, n });
const cache = new InMemoryCache(); // with { resultCaching: false } it is right
cache.writeQuery({ query, data: { a: row("a", 0), b: row("b", 0) } });
const first = (c) => c.writeFragment({ fragment, data: row("a", 1) });
const second = (c) => c.readQuery({ query }).a.n === 1 && c.writeFragment({ fragment, data: row("b", 1) });
cache.recordOptimisticTransaction(first, "first");
cache.recordOptimisticTransaction(second, "second");
cache.readQuery({ query, optimistic: true });
cache.removeOptimistic("first"); // the replay of the second writes nothing
const [expected, seen] = [cache.extract(true)["Row:b"].n, cache.readQuery({ query, optimistic: true }).b.n];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
