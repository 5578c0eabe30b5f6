// Python, for JupyterLab and to fetch TensorFlow's C library: a virtual environment in .venv, and what is in it.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readIfThere, writeWhole } from "../places.mjs";
import { ask, run, StepError, which } from "../processes.mjs";

const oldest = 10;
const candidates = ["python3", ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`), "python"];
const howToGet =
  "install Python 3.10 or newer with venv (Debian and Ubuntu: `apt install python3-venv`; macOS: `brew install python`), or name one in WORKBOOK_PYTHON, then run `npm run setup` again.";

/** The environment without what would mix somebody's own packages with ours, and with a pip that soon gives up. */
export function pythonEnvironment(env = process.env) {
  const { PYTHONPATH, PYTHONHOME, PIP_TARGET, PIP_PREFIX, PIP_USER, VIRTUAL_ENV, ...rest } = env;
  return {
    PIP_RETRIES: "2",
    PIP_DEFAULT_TIMEOUT: "20",
    ...rest,
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
    PIP_NO_COLOR: "1",
    PIP_PROGRESS_BAR: "off",
    PYTHONNOUSERSITE: "1",
  };
}

/**
 * The first Python on the PATH that is new enough and can make virtual environments.
 *
 * @throws StepError that says what there was instead.
 */
export function findPython(env = process.env) {
  const named = env.WORKBOOK_PYTHON;
  const seen = [];
  for (const command of named ? [named] : candidates) {
    const program = which(command, env);
    const answer =
      program &&
      ask(program, ["-c", "import sys; print(*sys.version_info[:3], sep='.')"], pythonEnvironment(env));
    if (!program || !answer) continue;
    const [major, minor] = answer.split(".").map(Number);
    if (major !== 3 || minor < oldest) seen.push(`${command} is ${answer}`);
    else if (ask(program, ["-c", "import venv, ensurepip"], pythonEnvironment(env)) === undefined) {
      seen.push(`${command} is ${answer} but lacks venv or ensurepip`);
    } else return { program, version: answer };
  }
  if (named && seen.length === 0) {
    throw new StepError(`WORKBOOK_PYTHON names "${named}", which is no Python that runs.`, howToGet);
  }
  const found = seen.join(", ") || "none is on the PATH";
  throw new StepError(`Python 3.${oldest} or newer with venv is needed: ${found}.`, howToGet);
}

/** @param {import("../places.mjs").Places} at */
export function pythonStep(at) {
  const creating = path.join(at.venv, ".creating");
  return {
    name: "python",
    title: "Python environment (.venv)",
    needs: [],
    without:
      "no JupyterLab and no fast backend; `npm test` and `npx workbook run` work, slowly, on the cpu backend.",
    isDone: () => existsSync(at.python) && !existsSync(creating),
    async run() {
      const python = findPython();
      mkdirSync(at.venv, { recursive: true });
      writeFileSync(creating, "");
      // TensorFlow is large and does not depend on this Python.
      const old = readdirSync(at.venv).filter((name) => !/^tensorflow-|^\.creating$/.test(name));
      for (const name of old) rmSync(path.join(at.venv, name), { recursive: true, force: true });
      await run(python.program, ["-m", "venv", at.venv], {
        what: "`python -m venv`",
        env: pythonEnvironment(),
        remedy: howToGet,
      });
      rmSync(creating);
    },
  };
}

/** @param {import("../places.mjs").Places} at */
export function jupyterStep(at) {
  const requirements = path.join(at.setup, "requirements.txt");
  const stamp = path.join(at.venv, ".requirements");
  const installing = path.join(at.venv, ".installing");
  const wanted = () => createHash("sha256").update(readFileSync(requirements)).digest("hex");
  return {
    name: "jupyter",
    title: "JupyterLab",
    needs: ["python"],
    without: "no JupyterLab; `npm test` and `npx workbook run` do not need it.",
    isDone: () => readIfThere(stamp) === wanted(),
    async run() {
      const hash = wanted();
      if (existsSync(installing)) removePackages(at.venv);
      writeFileSync(installing, "");
      // Everything is pinned, so nothing is left to resolve; leaving it out keeps two packages away (see the file).
      await pip(at, "install", "--no-deps", "--no-compile", "--prefer-binary", "-r", requirements);
      // Compiles what a start needs, and shows that it can be imported.
      await run(at.python, ["-m", "jupyterlab", "--version"], {
        what: "Loading JupyterLab",
        env: pythonEnvironment(),
        remedy: "delete .venv and run `npm run setup` again.",
      });
      // Above .venv our package.json says that .js files are ES modules; JupyterLab's own are not.
      writeWhole(path.join(at.venv, "package.json"), '{ "type": "commonjs" }\n');
      rmSync(installing);
      writeWhole(stamp, hash);
    },
  };
}

/**
 * Runs the pip of .venv.
 *
 * @param {import("../places.mjs").Places} at
 * @param {string} verb
 * @param {string[]} args
 */
export function pip(at, verb, ...args) {
  return run(at.python, ["-m", "pip", verb, ...args], {
    what: `\`pip ${verb}\``,
    env: pythonEnvironment(),
    remedy:
      "see that pip can reach its index (network, proxy, `pip config list`) and that the disk has room (3 GB; cuda: 10 GB), then run `npm run setup` again.",
  });
}

/** What pip had half installed when it was killed: it would neither repair nor remove that by itself. */
function removePackages(/** @type {string} */ venv) {
  for (const version of readdirSync(path.join(venv, "lib"))) {
    const packages = path.join(venv, "lib", version, "site-packages");
    for (const name of existsSync(packages) ? readdirSync(packages) : []) {
      if (!/^pip\b/.test(name)) rmSync(path.join(packages, name), { recursive: true, force: true });
    }
  }
}
