// A location cannot be moved into one of its children (RFC 6902 section 4.4); in an array, the item behind it is taken for the child's parent.
import { isDeepStrictEqual } from "node:util";
import jsonpatch from "fast-json-patch";

let seen;
try {
  seen = jsonpatch.applyPatch([{ x: 1 }, { x: 2 }], [{ op: "move", from: "/0", path: "/0/y" }], true, false).newDocument;
} catch {
  seen = "refused";
}
const expected = "refused";
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
