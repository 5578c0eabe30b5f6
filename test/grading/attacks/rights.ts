/**
 * Attacks on the machine: files, processes, threads, addons. Each is one expression that gives what it got hold of; the
 * attack makes that its answer to `width`, so that the report shows it.
 */

import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "workbook/root";
import type { Attack } from "./attack.js";

export interface Attempt {
  readonly name: string;
  /** JavaScript; `node(name)` gives one of Node's modules. */
  readonly expression: string;
}

/** What no submission should see. */
export const secret = path.join(root, "test/graded/start-here.ts");
const quoted = JSON.stringify(secret);
/** A file that no attack must be able to make. */
export const written = path.join(tmpdir(), `workbook-attack-${process.pid}`);
const target = JSON.stringify(written);
const own = fileURLToPath(import.meta.url);

export const attempts: readonly Attempt[] = [
  { name: "reading the graded tests", expression: `node("fs").readFileSync(${quoted}, "utf8")` },
  {
    name: "reading them through a descriptor",
    expression: `(() => { const fs = node("fs"); const fd = fs.openSync(${quoted}); const b = Buffer.alloc(99); fs.readSync(fd, b); return String(b); })()`,
  },
  {
    name: "reading them by URL",
    expression: `String(node("fs").readFileSync(new URL("file://" + ${quoted})))`,
  },
  { name: "reading them by bytes", expression: `String(node("fs").readFileSync(Buffer.from(${quoted})))` },
  {
    name: "reading them by a path through the bundle's folder",
    expression: `node("fs").readFileSync(__dirnameOfBundle() + "/../../../../../../../../.." + ${quoted}, "utf8")`,
  },
  {
    name: "reading them through /proc",
    expression: `node("fs").readFileSync("/proc/self/root" + ${quoted}, "utf8")`,
  },
  {
    name: "listing the solutions",
    expression: `node("fs").readdirSync(${JSON.stringify(path.join(root, "solutions"))}).join()`,
  },
  { name: "opening a folder", expression: `node("fs").opendirSync(${JSON.stringify(root)}).readSync().name` },
  { name: "looking whether a file is there", expression: `node("fs").statSync(${quoted}).size` },
  {
    name: "reading another process's memory",
    expression: `node("fs").readFileSync("/proc/" + process.ppid + "/environ", "utf8")`,
  },
  { name: "listing open descriptors", expression: `node("fs").readdirSync("/proc/self/fd").join()` },
  { name: "reading passwords", expression: `node("fs").readFileSync("/etc/passwd", "utf8")` },
  {
    name: "Node's internal file functions",
    expression: `String(process.binding("fs").open(${quoted}, 0, 0o666))`,
  },
  {
    name: "a require of its own",
    expression: `node("module").createRequire(${JSON.stringify(own)})("node:fs").readFileSync(${quoted}, "utf8")`,
  },
  {
    name: "requiring a file",
    expression: `JSON.stringify(node("module").createRequire("/")(${JSON.stringify(path.join(root, "package.json"))}))`,
  },
  {
    name: "out of a new context by its constructor",
    expression: `node("vm").runInNewContext("this.constructor.constructor('return process')()").getBuiltinModule("fs").readFileSync(${quoted}, "utf8")`,
  },
  { name: "writing a file", expression: `node("fs").writeFileSync(${target}, "x") ?? "written"` },
  {
    name: "writing into the bundle",
    expression: `node("fs").appendFileSync(__dirnameOfBundle() + "/child.cjs", "x") ?? "written"`,
  },
  {
    name: "making a link to the tests",
    expression: `node("fs").symlinkSync(${quoted}, ${target}) ?? "linked"`,
  },
  { name: "making a hard link", expression: `node("fs").linkSync(${quoted}, ${target}) ?? "linked"` },
  { name: "making a temporary folder", expression: `node("fs").mkdtempSync(${target})` },
  { name: "renaming the tests", expression: `node("fs").renameSync(${quoted}, ${target}) ?? "renamed"` },
  {
    name: "deleting the tests",
    expression: `node("fs").rmSync(${JSON.stringify(`${secret}.none`)}, { force: false }) ?? "deleted"`,
  },
  { name: "writing a report file", expression: `process.report.writeReport(${target})` },
  { name: "writing a heap snapshot", expression: `node("v8").writeHeapSnapshot(${target})` },
  {
    name: "running a program",
    expression: `String(node("child_process").execFileSync(process.execPath, ["-p", "6 * 7"]))`,
  },
  { name: "running a shell", expression: `String(node("child_process").execSync("id"))` },
  {
    name: "a process by Node's internals",
    expression: `JSON.stringify(process.binding("spawn_sync").spawn({ file: process.execPath, args: ["node", "-p", "1"], stdio: [{ type: "pipe", readable: true, writable: true }] }))`,
  },
  {
    name: "a bomb of processes",
    expression: `Array.from({ length: 1000 }, () => node("child_process").spawn(process.execPath, ["-e", "for(;;);"]).pid).join()`,
  },
  { name: "a cluster", expression: `String(node("cluster").fork().id)` },
  {
    name: "a thread",
    expression: `String(new (node("worker_threads").Worker)("for(;;);", { eval: true }).threadId)`,
  },
  {
    name: "a native addon",
    expression: `process.dlopen({ exports: {} }, ${JSON.stringify(path.join(root, "node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node"))}) ?? "loaded"`,
  },
  { name: "becoming another user", expression: `process.setuid("nobody") ?? "nobody"` },
];

/** For expressions: refusals become text. */
export const attemptCode = ({ expression }: Attempt): string => `
  const __dirnameOfBundle = () => /--allow-fs-read=(.*)\\/\\*/.exec(process.execArgv.join("\\n"))[1];
  const { Buffer } = node("buffer");
  exports.width = (() => { try { return "GOT " + (${expression}); } catch (error) { return "refused: " + error.message; } })();
`;

export const rightsAttacks: readonly Attack[] = attempts.map((attempt) => ({
  name: attempt.name,
  code: attemptCode(attempt),
  points: { width: 0 },
  messages: { width: /^width is the text "refused: / },
}));

/** The first line of the secret, to look for in what an attack got. */
export const secretLine = readFileSync(secret, "utf8")
  .split("\n")
  .find((line) => line !== "")!;
