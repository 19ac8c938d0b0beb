/** The adapter kit. Import it before the engine: it replaces the timers and the clock. */
import "./time.js";

export type { Adapter, Handler, Profile, Session } from "./adapter.js";
export { copy, isObject, same } from "./json.js";
export type { Json, JsonObject } from "./json.js";
export { BadRequest, Died, Names, PlannedThrow, Refused, Run, Unsupported } from "./run.js";
export type { Observed, Step } from "./run.js";
export { serve } from "./serve.js";
export { ViewServer } from "./server.js";
export type { Entry, Row } from "./server.js";
export { changed, codeOf, patchInto } from "./apply.js";
