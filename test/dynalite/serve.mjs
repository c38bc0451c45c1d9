// Serves dynalite, in memory, on 127.0.0.1 and a free port. The first line on
// standard output is the URL. Ends when standard input does, so that it never
// outlives the tests that started it, however they end.
import dynalite from "dynalite";

const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));
