// Between the answer and its data the written value is gone: it flickers back.
import { isDeepStrictEqual } from "node:util";
import { BaseAndReplay } from "../engines/base-and-replay.mjs";

const store = new BaseAndReplay({ x: 0 }, () => {});
store.write(1, [{ op: "replace", path: "/x", value: 1 }]);
store.accepted(1);
const [expected, seen] = [{ x: 1 }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
