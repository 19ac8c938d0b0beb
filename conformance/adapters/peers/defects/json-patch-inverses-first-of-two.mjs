// Rejecting the first of two writes of one key restores the value from before both.
import { isDeepStrictEqual } from "node:util";
import { StoredInverses } from "../engines/stored-inverses.mjs";

const store = new StoredInverses({ x: 0 }, () => {});
store.write(1, [{ op: "replace", path: "/x", value: 1 }]);
store.write(2, [{ op: "replace", path: "/x", value: 2 }]);
store.rejected(1);
const [expected, seen] = [{ x: 2 }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
