import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { catalog } from "workbook/catalog";
import { root } from "workbook/root";
import { setupModule } from "./setup-module.js";

interface Check {
  readonly name: string;
  readonly state: string;
  readonly found: string;
  readonly remedy?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

interface Doctor {
  diagnose(at?: object): Promise<Diagnosis>;
  formatDiagnosis(diagnosis: Diagnosis): string;
}

const workbook = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(root, "lib/bin/workbook.mjs"), ...args], { encoding: "utf8" });

describe("workbook doctor", () => {
  const empty = mkdtempSync(path.join(tmpdir(), "workbook-doctor-"));
  let doctor: Doctor;
  let nothing: Diagnosis;
  const state = ({ checks }: Diagnosis, name: string) => checks.find((check) => check.name === name)?.state;

  before(async () => {
    doctor = await setupModule<Doctor>("doctor.mjs");
    const { places } = await setupModule<{ places: (at: string) => object }>("places.mjs");
    nothing = await doctor.diagnose(places(empty));
  });
  after(() => rmSync(empty, { recursive: true }));

  it("finds everything missing where nothing was set up, and tells how to get each", () => {
    expect(nothing.ok).to.equal(false);
    for (const name of ["npm packages", "library", "JupyterLab", "kernels"]) {
      expect(state(nothing, name), name).to.equal("missing");
    }
    expect(state(nothing, "backend tensorflow")).to.equal("optional");
    for (const { name, state, remedy } of nothing.checks) {
      if (state === "missing" || state === "broken") expect(remedy, name).to.be.a("string").that.is.not.empty;
    }
    expect(doctor.formatDiagnosis(nothing)).to.contain("The workbook cannot run");
  });

  it("says why submissions' processes start without a snapshot, and nothing of it where they have one", async () => {
    const { isolation } = await setupModule<{ isolation(at: { dist: string }): Promise<Check> }>(
      "checks.mjs",
    );
    const found = async (name: string, bundle: object) => {
      const dist = path.join(empty, name);
      const wall = path.join(dist, "lib/grading/wall");
      mkdirSync(wall, { recursive: true });
      writeFileSync(path.join(dist, "package.json"), '{ "type": "module" }');
      writeFileSync(
        path.join(wall, "jail.js"),
        'export const describeWalls = () => ({ walls: ["a wall"], missing: [] });',
      );
      writeFileSync(path.join(wall, "bundle.js"), `export const bundle = () => (${JSON.stringify(bundle)});`);
      return (await isolation({ dist })).found;
    };
    expect(await found("with", {})).to.equal("a wall");
    expect(await found("without", { noSnapshot: "it cannot be built" })).to.equal(
      "a wall; processes start slower, without a snapshot (it cannot be built)",
    );
  });

  it("tries the backends of this clone, prints JSON, and exits with 0 only when the main job can run", () => {
    const { status, stdout } = workbook("doctor", "--json");
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    expect(status).to.equal(diagnosis.ok ? 0 : 1);
    expect(state(diagnosis, "Node.js")).to.equal("ok");
    expect(state(diagnosis, "backend cpu")).to.equal("ok");
    const webgpu = diagnosis.checks.find(({ name }) => name === "backend webgpu")!;
    expect(webgpu.state).to.be.oneOf(process.env.REQUIRE_GPU === "1" ? ["ok"] : ["ok", "optional"]);
    if (webgpu.state === "ok") {
      expect(webgpu.details).to.have.all.keys("adapter", "driver", "software", "features", "limits");
    }
    expect(state(diagnosis, "isolated grading")).to.be.oneOf(["ok", "optional"]);
    expect(diagnosis.checks.map((check) => check.state)).to.satisfy((states: string[]) =>
      states.every((each) => ["ok", "missing", "broken", "optional"].includes(each)),
    );
  }).timeout(60_000);

  it("says how to get a GPU, or software in place of one, and misses nothing without", async () => {
    const { webgpuBackend } = await setupModule<{ webgpuBackend(probed: object): Check }>("checks.mjs");
    const said = 'useBackend: "webgpu" does not start: no GPU was found; install the driver of your GPU';
    const check = webgpuBackend({ ok: false, said });
    expect(check).to.include({ state: "optional", found: "no GPU was found" });
    expect(check.remedy).to.contain("Vulkan driver").and.to.contain("apt-get install libvulkan1 chromium");
    const broken = webgpuBackend({ ok: false, said: "the package webgpu does not load: no such file" });
    expect(broken).to.include({ state: "optional", remedy: "run `npm run setup`" });
    expect(doctor.formatDiagnosis({ ok: true, checks: [check] })).to.contain("The workbook can run");
  });

  it("prints what is told about the adapter below its line", () => {
    const details = { software: true, features: ["subgroups"], limits: { maxBufferSize: 4 } };
    const checks = [{ name: "backend webgpu", state: "ok", found: "a GPU", details }];
    const [line, ...below] = doctor.formatDiagnosis({ ok: true, checks }).split("\n");
    expect(line).to.equal("✓ backend webgpu  a GPU");
    expect(below.slice(0, 3).map((text) => text.trim())).to.deep.equal([
      "software: yes",
      "features: subgroups",
      "limits: maxBufferSize 4",
    ]);
  });

  it("refuses an option that it does not know with exit code 2", () => {
    expect(workbook("doctor", "--jason").status).to.equal(2);
  });
});

describe("workbook catalog", () => {
  it("lists every paper with its files, and whether they are there", () => {
    const { status, stdout } = workbook("catalog", "--json");
    expect(status).to.equal(0);
    const rows = JSON.parse(stdout) as {
      slug: string;
      files: Record<string, { path: string; there: boolean }>;
    }[];
    expect(rows.map(({ slug }) => slug)).to.deep.equal(catalog.map(({ slug }) => slug));
    expect(rows[0]?.files.exercise).to.deep.equal({ path: "exercises/transformer.ts", there: true });
    expect(workbook("catalog").stdout).to.contain("1706.03762");
  });
});
