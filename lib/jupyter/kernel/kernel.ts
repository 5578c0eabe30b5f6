/** The kernel that Jupyter starts: `node --no-force-async-hooks-checks kernel.js CONNECTION_FILE`. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { root } from "../../root.js";
import { serve } from "./serve.js";

const [connectionFile] = process.argv.slice(2);
if (connectionFile === undefined) {
  process.stderr.write("usage: node kernel.js CONNECTION_FILE\n");
  process.exit(2);
}

const require = createRequire(import.meta.url);
const versionOf = (manifest: string): string => JSON.parse(readFileSync(manifest, "utf8")).version;

serve(
  {
    connectionFile,
    languageVersion: versionOf(require.resolve("typescript/package.json")),
    implementationVersion: versionOf(path.join(root, "package.json")),
  },
  async () => {
    const options = { cwd: process.cwd(), root };
    const [{ createSession }, types] = await Promise.all([
      import("./session/session.js"),
      import("./types/types.js").then(({ createTypes }) => createTypes(options)),
    ]);
    return { session: createSession(options), types };
  },
).catch((error: Error) => {
  process.stderr.write(`workbook kernel: ${error.stack ?? error}\n`);
  process.exit(1);
});
