/** An error that is an answer: thrown often and never debugged, so it takes no stack. */
export class Refusal extends Error {
  constructor(text: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(text);
    Error.stackTraceLimit = limit;
  }
}
