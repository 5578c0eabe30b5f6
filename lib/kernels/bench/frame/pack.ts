/** Makes a folder that measures and tests the kernels on a Linux machine that has Node and a GPU, and neither npm nor a network. */

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { root } from "../../../root.js";

export interface PackOptions {
  /** Also copies the Node that runs this. */
  readonly withNode?: boolean;
}

/** Tests that need what a pack has not: esbuild, and the sources. */
const notPacked = /^bench-pack\./;

/** What CommonJS packages expect inside of a bundle that is a module. */
const banner = [
  `import { createRequire as workbookRequire } from "node:module";`,
  `import { fileURLToPath as workbookPath } from "node:url";`,
  "const require = workbookRequire(import.meta.url);",
  "const __filename = workbookPath(import.meta.url);",
  `const __dirname = workbookPath(new URL(".", import.meta.url));`,
].join("\n");

/**
 * Fills `folder`, which must be empty or new, and returns what to do with it.
 *
 * @throws Error when something is already there.
 */
export async function pack(folder: string, { withNode = false }: PackOptions = {}): Promise<string> {
  const to = path.resolve(folder);
  mkdirSync(to, { recursive: true });
  if (readdirSync(to).length > 0)
    throw new Error(`bench:gpu: expected an empty folder to pack into, got ${folder}`);
  const dist = path.join(root, "lib/dist");
  await bundle(`import "./main.js";`, path.join(dist, "lib/kernels/bench"), path.join(to, "bench.mjs"));
  await bundle(
    allTests(path.join(dist, "test/kernels")),
    path.join(dist, "test/kernels"),
    path.join(to, "tests.mjs"),
  );
  const child = "lib/kernels/playground";
  await bundle(`import "./child.js";`, path.join(dist, child), path.join(to, "lib/dist", child, "child.js"));
  copyFiles(to);
  if (withNode) cpSync(realpathSync(process.execPath), path.join(to, "node"));
  return [
    `packed into ${folder}; copy it to the machine, and there:`,
    "  ./run.sh tests.mjs                                  the kernels' tests; REQUIRE_GPU=1 is set",
    "  ./run.sh bench.mjs --python python3 --json out.json the table; without --python where there is no PyTorch",
    ...(withNode ? [] : ["it needs Node 20.19 or later there; --with-node packs the one that runs this"]),
  ].join("\n");
}

async function bundle(contents: string, resolveDir: string, outfile: string): Promise<void> {
  const { build } = await import("esbuild");
  await build({
    stdin: { contents, resolveDir, sourcefile: path.basename(outfile) },
    outfile,
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["webgpu", "esbuild"],
    banner: { js: banner },
    logLevel: "error",
  });
}

/** Mocha as a library: what its command does, for the tests of that folder. */
function allTests(folder: string): string {
  const files = readdirSync(folder).filter((file) => file.endsWith(".test.js") && !notPacked.test(file));
  return [
    `import Mocha from "mocha";`,
    `import process from "node:process";`,
    "const mocha = new Mocha({ timeout: 20_000, grep: process.argv[2] });",
    `mocha.suite.emit("pre-require", globalThis, "", mocha);`,
    ...files.sort().map((file) => `await import("./${file}");`),
    "mocha.run((failures) => process.exit(failures > 0 ? 1 : 0));",
  ].join("\n");
}

function copyFiles(to: string): void {
  const copy = (file: string, name = file) => cpSync(path.join(root, file), path.join(to, name));
  for (const file of readdirSync(path.join(root, "lib/kernels"), { recursive: true, encoding: "utf8" })) {
    if (/\.(wgsl|py)$/.test(file)) copy(`lib/kernels/${file}`);
  }
  const dawn = "node_modules/webgpu";
  for (const file of ["package.json", "index.js", "LICENSE.md", "dist/linux-x64/dawn.node"])
    copy(`${dawn}/${file}`);
  copy("LICENSE");
  copy("lib/kernels/bench/frame/run.sh", "run.sh");
  chmodSync(path.join(to, "run.sh"), 0o755);
  // The name by which `root.ts` finds the folder.
  const manifest = { name: "efficient-transformers-workbook", private: true, type: "module" };
  writeFileSync(path.join(to, "package.json"), `${JSON.stringify(manifest)}\n`);
  mkdirSync(path.join(to, "vulkan"));
  for (const library of ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"]) {
    const driver = { file_format_version: "1.0.0", ICD: { library_path: library, api_version: "1.3.0" } };
    writeFileSync(path.join(to, "vulkan", `${library}.json`), `${JSON.stringify(driver)}\n`);
  }
  const loader = vulkanLoader();
  if (loader !== undefined) cpSync(loader, path.join(to, "vulkan/libvulkan.so.1"));
}

/** This machine's Vulkan loader: drivers of GPUs for computing often come without one. */
function vulkanLoader(): string | undefined {
  const { stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  const [, file] = /libvulkan\.so\.1 \([^)]*x86-64[^)]*\) => (\S+)/.exec(stdout ?? "") ?? [];
  return file !== undefined && existsSync(file) ? realpathSync(file) : undefined;
}
