/** Runs a compiled cell in this realm: values of cells are instances of the same classes as the library's. */

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { iterate } from "./iterate.js";
import type { Modules } from "./modules.js";
import { currentRun, resume, type Settled } from "./run.js";
import type { Scope } from "./scope.js";
import { register } from "./stacks.js";
import type { Compiled } from "./transform.js";
import { usingContext } from "./using.js";

export interface Evaluation {
  readonly compiled: Compiled;
  /** `cell [7]` */
  readonly label: string;
  readonly scope: Scope;
  readonly modules: Modules;
  readonly cwd: string;
}

/** The value of the cell's last expression; undefined where its last statement is none. */
export async function evaluate(evaluation: Evaluation): Promise<{ readonly value: unknown } | undefined> {
  const { compiled, label, scope } = evaluation;
  register(label, { file: label, code: compiled.code, position: compiled.position });
  const script = new vm.Script(compiled.script, {
    filename: label,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const cell = script.runInThisContext() as (...args: unknown[]) => Promise<[value: unknown] | undefined>;
  for (const [name, kind] of compiled.declared) scope.declare(name, kind);
  const boxes = [...compiled.used].map((name) => scope.box(name));
  const result = await Reflect.apply(cell, undefined, [...environmentOf(evaluation), ...boxes]);
  return result && { value: result[0] };
}

/** In the order of transform.ts's `environment`. */
function environmentOf({ compiled, label, scope, modules, cwd }: Evaluation): unknown[] {
  const file = path.join(cwd, "cell.ts");
  const wait = (value: unknown, offset: number) =>
    currentRun()?.wait(value, label, () => compiled.positionOf(offset)) ?? settled(value);
  const load = async (index: number) => {
    const { specifier, names, offset } = compiled.imports[index]!;
    const namespace = resume(await wait(modules.load(specifier, cwd), offset)) as Record<string, unknown>;
    for (const [local, exported] of names) {
      const box = scope.box(local);
      if (exported === "*") box.bind(() => namespace);
      else box.bind(() => exportOf(namespace, exported, specifier));
    }
  };
  const meta = {
    url: pathToFileURL(file).href,
    dirname: cwd,
    filename: file,
    resolve: (specifier: string) => modules.resolve(specifier, cwd),
  };
  return [
    wait,
    resume,
    (source: object, offset: number) => iterate(source, async (value) => resume(await wait(value, offset))),
    load,
    (specifier: unknown) => modules.load(String(specifier), cwd),
    meta,
    usingContext,
    requireFor(cwd, modules),
    cwd,
    file,
  ];
}

/** An await of a function that nothing ties to a cell any more. */
async function settled(value: unknown): Promise<Settled> {
  return { run: undefined, ok: true, value: await value };
}

/** Read at each use, so that a cell sees what the module assigns; a CommonJS module's exports count as named ones. */
function exportOf(namespace: Record<string, unknown>, name: string, specifier: string): unknown {
  if (name in namespace) return namespace[name];
  const whole = namespace.default as Record<string, unknown> | null | undefined;
  if (whole != null && typeof whole === "object" && name in whole) return whole[name];
  throw new SyntaxError(`The requested module '${specifier}' does not provide an export named '${name}'`);
}

function requireFor(cwd: string, modules: Modules): NodeJS.Require {
  const require = createRequire(path.join(cwd, "cell.ts"));
  const ours = (id: string) => modules.builtin(id) ?? require(modules.compiledCopy(id, cwd) ?? id);
  return Object.assign(ours, require) as NodeJS.Require;
}
