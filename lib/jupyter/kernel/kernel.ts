/** The kernel that Jupyter starts: `node --no-force-async-hooks-checks kernel.js CONNECTION_FILE`. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { root } from "../../root.js";
import { LanguageServer } from "./types/server.js";

const [connectionFile] = process.argv.slice(2);
if (connectionFile === undefined) {
  process.stderr.write("usage: node kernel.js CONNECTION_FILE\n");
  process.exit(2);
}

const options = { cwd: process.cwd(), root };
// What takes longest goes first: while the language server reads its libraries, everything else is loaded.
const server = new LanguageServer(options);
server.start().catch(() => {}); // `createTypes` asks again, and reports.

const require = createRequire(import.meta.url);
const versionOf = (manifest: string): string => JSON.parse(readFileSync(manifest, "utf8")).version;

const { serve } = await import("./serve.js");
serve(
  {
    connectionFile,
    languageVersion: versionOf(require.resolve("typescript/package.json")),
    implementationVersion: versionOf(path.join(root, "package.json")),
  },
  async () => {
    const [{ createSession }, types] = await Promise.all([
      import("./session/session.js"),
      import("./types/types.js").then(({ createTypes }) => createTypes(options, server)),
    ]);
    return { session: createSession(options), types };
  },
).catch((error: Error) => {
  process.stderr.write(`workbook kernel: ${error.stack ?? error}\n`);
  process.exit(1);
});
