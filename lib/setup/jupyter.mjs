// How JupyterLab is started: from .venv, with this clone's settings, reading and writing nothing of the user's own.
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pythonEnvironment } from "./steps/python.mjs";

const firstLesson = "notebooks/00-start-here.ipynb";

/**
 * Settings come from lib/setup/jupyter; what people change, and what Jupyter notes down, goes to .cache/jupyter, where
 * it outlives a renewed .venv.
 *
 * @param {import("./places.mjs").Places} at
 */
export function jupyterEnvironment(at, env = process.env) {
  const rest = Object.entries(pythonEnvironment(env)).filter(([name]) => !name.startsWith("JUPYTER"));
  const own = path.join(at.cache, "jupyter");
  return {
    ...Object.fromEntries(rest),
    JUPYTER_CONFIG_PATH: path.join(at.setup, "jupyter"),
    JUPYTER_CONFIG_DIR: path.join(own, "config"),
    JUPYTER_DATA_DIR: path.join(own, "data"),
    JUPYTER_RUNTIME_DIR: path.join(own, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: path.join(own, "settings"),
    JUPYTERLAB_WORKSPACES_DIR: path.join(own, "workspaces"),
    JUPYTER_PREFER_ENV_PATH: "1",
    JUPYTER_PLATFORM_DIRS: "1",
  };
}

/**
 * The command line of JupyterLab; `extra` comes last, so that people's own options win.
 *
 * @param {import("./places.mjs").Places} at
 * @param {string[]} extra
 */
export function jupyterArguments(at, extra) {
  const landing = existsSync(path.join(at.root, firstLesson)) ? `/lab/tree/${firstLesson}` : "/lab";
  return [
    ...["-m", "jupyterlab", `--ServerApp.root_dir=${at.root}`, `--LabApp.default_url=${landing}`],
    // Jupyter refuses root unless told; in a container there is nobody else.
    ...(process.getuid?.() === 0 ? ["--allow-root"] : []),
    ...extra,
  ];
}
