// A foreign change is put on top of a pending write, and the rejection restores what was before both.
import { isDeepStrictEqual } from "node:util";
import { StoredInverses } from "../engines/stored-inverses.mjs";

const store = new StoredInverses({ x: 0 }, () => {});
store.write(1, [{ op: "replace", path: "/x", value: 1 }]);
store.received([{ op: "replace", path: "/x", value: 5 }]);
const pending = store.state.x;
store.rejected(1);
const [expected, seen] = [[1, 5], [pending, store.state.x]];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
