/** A real JupyterLab, started by `npm start`'s own script, with a headless Chromium looking at it. */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "workbook/root";

export interface Lab {
  readonly page: Page;
  /** `/lab/tree/...` with the token. */
  url(file: string): string;
  close(): Promise<void>;
}

/** Why the browser tests cannot run here, or undefined. */
export function whyNot(): string | undefined {
  if (browserPath() === undefined) return "no chromium on the PATH (Debian: apt-get install chromium)";
  if (!existsSync(path.join(root, ".venv/bin/jupyter-lab"))) return "no JupyterLab in .venv (npm run setup)";
  return undefined;
}

function browserPath(): string | undefined {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = folders.flatMap((folder) => names.map((name) => path.join(folder, name)));
  return [process.env.CHROMIUM ?? "", ...candidates].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return file !== "";
    } catch {
      return false;
    }
  });
}

/** Starts the server and the browser; `close` ends both. */
export async function openLab(): Promise<Lab> {
  const [port, token] = [await freePort(), "browser-test"];
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-browser-"));
  const server = spawn(
    process.execPath,
    [
      path.join(root, "lib/setup/start.mjs"),
      ...["--no-browser", "--port", String(port), `--IdentityProvider.token=${token}`],
      // Lets the test read the notebook's model instead of guessing from the page.
      "--LabApp.expose_app_in_browser=True",
      // Not the reader's settings: their theme, say.
      `--LabApp.user_settings_dir=${path.join(folder, "settings")}`,
      `--LabApp.workspaces_dir=${path.join(folder, "workspaces")}`,
      // The tests' own notebooks lie in .cache.
      "--ContentsManager.allow_hidden=True",
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  const context = await startBrowser(path.join(folder, "chromium"));
  const close = async () => {
    await context.close();
    await stop(server);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await answering(server, `http://127.0.0.1:${port}/api?token=${token}`);
    const page = context.pages()[0] ?? (await context.newPage());
    return { page, url: (file) => `http://127.0.0.1:${port}/lab/tree/${file}?token=${token}&reset`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startBrowser(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: browserPath(),
    headless: true,
    viewport: { width: 1280, height: 1000 },
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Waits until the server answers; fails at once, with its last words, when it ends instead. */
async function answering(server: ChildProcess, url: string): Promise<void> {
  let said = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on("data", (data) => {
      said = `${said}${data}`.slice(-2000);
    });
  }
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (server.exitCode !== null) throw new Error(`npm start ended with code ${server.exitCode}: ${said}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`npm start served nothing within 60 s: ${said}`);
}

function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.once("exit", () => resolve());
    server.kill("SIGTERM");
  });
}
