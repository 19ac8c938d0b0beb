// A layer is replayed when one below it goes, but not when the server's data under it changes.
import { isDeepStrictEqual } from "node:util";
import { gql, InMemoryCache } from "@apollo/client/core";

const query = gql`{ n }`;
const cache = new InMemoryCache();
cache.writeQuery({ query, data: { n: 0 } });
cache.recordOptimisticTransaction((c) => c.updateQuery({ query }, ({ n }) => ({ n: n + 1 })), "mine");
cache.writeQuery({ query, data: { n: 5 } }); // from the server's feed
const [expected, seen] = [6, cache.readQuery({ query, optimistic: true }).n];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
