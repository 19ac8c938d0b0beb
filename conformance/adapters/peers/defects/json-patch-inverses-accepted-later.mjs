// Two writes of one key, the second accepted first: the server ends with the first one's value, the client not.
import { isDeepStrictEqual } from "node:util";
import { StoredInverses } from "../engines/stored-inverses.mjs";

const store = new StoredInverses({ x: 0 }, () => {});
store.write(1, [{ op: "replace", path: "/x", value: 1 }]);
store.write(2, [{ op: "replace", path: "/x", value: 2 }]);
store.accepted(2);
store.accepted(1);
const [expected, seen] = [{ x: 1 }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
