/**
 * Starts the bundle beside this file out of V8's code cache, which saves compiling tfjs each time.
 *
 * `boot.cjs cache FILE` makes that cache instead: what the bundle compiles while it warms up is in it.
 */

const fs: typeof import("node:fs") = require("node:fs");
const path: typeof import("node:path") = require("node:path");
const vm: typeof import("node:vm") = require("node:vm");

const filename = path.join(__dirname, "child.cjs");
const cache = path.join(__dirname, "child.cache");
const [, , mode, output] = process.argv;

const script = new vm.Script(`(require) => {${fs.readFileSync(filename, "utf8")}\n}`, {
  filename,
  // One that V8 does not want (another version, other flags) is ignored.
  ...(mode === "cache" ? {} : { cachedData: fs.readFileSync(cache) }),
});
script.runInThisContext()(require);
if (mode === "cache") fs.writeFileSync(output!, script.createCachedData());
