// The server's data comes before the answer: the append is shown twice.
import { isDeepStrictEqual } from "node:util";
import { BaseAndReplay } from "../engines/base-and-replay.mjs";

const store = new BaseAndReplay({ list: [] }, () => {});
const append = [{ op: "add", path: "/list/-", value: "p" }];
store.write(1, append);
store.received(append);
const [expected, seen] = [{ list: ["p"] }, store.state];
console.log("expected", expected, "seen", seen);
process.exit(isDeepStrictEqual(seen, expected) ? 1 : 0); // 0: the defect is there
