// An adapter over an engine that does whatever an engine may do to its host.
import { Refused, serve } from "../../conformance/adapters/typescript/dist/kit/index.js";

const begun = Date.now();

serve({
  impl: { name: "probe", version: "1" },
  profiles: {
    view: {
      sees: ["out", "effects"],
      lacks: ["hooks"],
      open(given, run) {
        const lives = (run.durable.get("lives") ?? 0) + 1;
        run.durable.set("lives", lives);
        if (run.durable.delete("spoiled")) throw new Refused("spoiled");
        const call = run.guard(() => undefined.x);
        return {
          died: () => run.durable.set("deaths", (run.durable.get("deaths") ?? 0) + 1),
          observe: () => ({ lives, deaths: run.durable.get("deaths") ?? 0, now: Date.now() - begun }),
          steps: {
            later: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve({ after: ms }), ms)),
            often: ({ ms }) => void setInterval(() => run.effect({ e: "beat" }), ms),
            soon: () => new Promise((resolve) => setImmediate(() => queueMicrotask(() => resolve({ soon: true })))),
            chat: () => console.log("hello", process.stdout.write("there")),
            refuse: () => {
              throw new Refused("no-way");
            },
            bug: () => undefined.x,
            callback: () => call(),
            stray: () => void Promise.resolve().then(() => setTimeout(() => undefined.x, 1)),
            bind: ({ m, raw }) => void run.names.bind(m, raw),
            tell: ({ e }) => run.effect({ e }),
            die: ({ kept }) => {
              run.effect({ e: "before" });
              try {
                run.die();
              } catch (error) {
                if (!kept) throw error;
              }
              run.effect({ e: "after" });
            },
            spoil: () => void run.durable.set("spoiled", true),
          },
        };
      },
    },
    coordinator: {
      sees: ["out", "effects"],
      open: (given, run) => ({ observe: () => ({}), steps: { tell: ({ e }) => run.effect({ e }) } }),
    },
  },
});
