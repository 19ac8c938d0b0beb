// A pointer with a `~` that is neither ~0 nor ~1 is no JSON Pointer (RFC 6901 section 3); it is followed all the same.
import { isDeepStrictEqual } from "node:util";
import jsonpatch from "fast-json-patch";

let seen;
try {
  seen = jsonpatch.applyPatch({ "x~": 0 }, [{ op: "replace", path: "/x~", value: 1 }], true, false).newDocument;
} catch {
  seen = "refused";
}
const expected = "refused";
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
