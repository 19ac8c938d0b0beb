// An answer that arrives twice is applied twice.
import { isDeepStrictEqual } from "node:util";
import { BaseAndReplay } from "../engines/base-and-replay.mjs";

const store = new BaseAndReplay({ list: [] }, () => {});
const append = [{ op: "add", path: "/list/-", value: "p" }];
store.write(1, append);
store.accepted(1, append);
store.accepted(1, append);
const [expected, seen] = [{ list: ["p"] }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
