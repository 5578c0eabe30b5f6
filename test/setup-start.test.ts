import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { root } from "workbook/root";
import { setupModule } from "./setup-module.js";

interface Ports {
  askedPort(args: readonly string[]): string | undefined;
  isPort(text: string): boolean;
  isFree(port: number): Promise<boolean>;
}

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly reasons: readonly string[];
}

describe("npm start", () => {
  let ports: Ports;
  let server: Server;
  let taken: number;
  const start = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(root, "lib/setup/start.mjs"), ...args], { encoding: "utf8" });

  before(async () => {
    ports = await setupModule<Ports>("ports.mjs");
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    taken = (server.address() as { port: number }).port;
  });
  after(() => server.close());

  it("reads the port in each way that Jupyter does, the last one counting", () => {
    expect(ports.askedPort(["--no-browser"])).to.equal(undefined);
    expect(ports.askedPort(["--port", "1", "--port=2"])).to.equal("2");
    expect(ports.askedPort(["--ServerApp.port=3", "--portal"])).to.equal("3");
    expect(ports.askedPort(["--port"])).to.equal("");
    expect(["1", "65535", "0", "65536", "8e3", "", "x"].map(ports.isPort)).to.deep.equal([
      ...[true, true],
      ...[false, false, false, false, false],
    ]);
  });

  it("says in one line that a port is in use, and exits with 1", async () => {
    expect(await ports.isFree(taken)).to.equal(false);
    const { status, stderr } = start("--port", String(taken));
    expect(status).to.equal(1);
    expect(stderr).to.match(
      new RegExp(`^npm start: expected port ${taken} to be free, but .+; choose another .+\n$`),
    );
  });

  it("says in one line that a port is none, and exits with 2", () => {
    const { status, stderr } = start("--port", "seventy");
    expect(status).to.equal(2);
    expect(stderr).to.equal('npm start: expected a port from 1 to 65535, got "seventy"\n');
  });
});

describe("npm test", () => {
  it("ends with the sums, and names what was skipped", async () => {
    const { formatSummary } = await setupModule<{ formatSummary: (results: readonly Result[]) => string }>(
      "tally.mjs",
    );
    const lines = formatSummary([
      { name: "types", seconds: 1, passed: 1, failed: 0, skipped: 0, reasons: [] },
      { name: "unit tests", seconds: 2.5, passed: 40, failed: 2, skipped: 3, reasons: ["3 of browser"] },
    ]).split("\n");
    expect(lines.slice(-2)).to.deep.equal(["41 passed, 2 failed, 3 skipped", ""]);
    expect(lines).to.include("  skipped in unit tests: 3 of browser");
  });

  it("refuses a Node that is too old", async () => {
    const { checkNode } = await setupModule<{ checkNode: (version: string) => boolean }>("node-version.mjs");
    const { write } = process.stderr;
    let said = "";
    process.stderr.write = ((text: string) => {
      said += text;
      return true;
    }) as typeof write;
    try {
      expect(["20.19.0", "20.20.2", "22.0.0"].map(checkNode)).to.deep.equal([true, true, true]);
      expect(said).to.equal("");
      expect(["20.18.3", "18.20.0"].map(checkNode)).to.deep.equal([false, false]);
    } finally {
      process.stderr.write = write;
    }
    expect(said).to.contain("expected Node.js 20.19.0 or newer, got 20.18.3");
  });
});
