// A write that needs a rejected one stays half: its part on another document remains.
import { isDeepStrictEqual } from "node:util";
import { StoredInverses } from "../engines/stored-inverses.mjs";

const store = new StoredInverses({ a: {}, b: { y: 0 } }, () => {});
store.write(1, [{ op: "add", path: "/a/o", value: {} }]);
store.write(2, [{ op: "add", path: "/a/o/k", value: 1 }, { op: "replace", path: "/b/y", value: 1 }]);
store.rejected(1);
const [expected, seen] = [{ a: {}, b: { y: 0 } }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
