// Serves fauxqs on 127.0.0.1 and a free port: its command, and its function
// startFauxqs, listen on every address of the machine. The first line on
// standard output is the URL. Ends when standard input does, so that it never
// outlives the tests that started it, however they end.
import { isBuiltin, register } from "node:module";

// fauxqs loads node:sqlite, which Node.js has from 22.5 on, for a persistence
// that is not used here. An older Node.js gets an empty one.
if (!isBuiltin("node:sqlite")) {
  const empty = "data:text/javascript,export class DatabaseSync {}";
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === "node:sqlite" ? { url: ${JSON.stringify(empty)}, shortCircuit: true } : next(specifier, context);`;
  register("data:text/javascript," + encodeURIComponent(hooks));
}
const { buildApp } = await import("fauxqs");

const app = buildApp({ logger: false, defaultRegion: "eu-west-1" });
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
process.stdin.resume().on("end", () => process.exit(0));
