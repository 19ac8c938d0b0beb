// compare between a value that is no container and one that is gives a patch that does not apply.
import { isDeepStrictEqual } from "node:util";
import jsonpatch from "fast-json-patch";

const [before, after] = [{ x: [1] }, 7];
const back = jsonpatch.compare(after, before);
let seen;
try {
  seen = jsonpatch.applyPatch(after, back, true, false).newDocument;
} catch (error) {
  seen = error.name;
}
const expected = before;
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
