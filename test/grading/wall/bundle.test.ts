import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { describe, it } from "mocha";
import { type Bundle, isOpen } from "workbook/grading/wall/bundle";

/** `bundleIn(home)` of another process. */
async function built(home: string): Promise<Bundle> {
  const module = new URL("../../../lib/grading/wall/bundle.js", import.meta.url).href;
  const code = `const { bundleIn } = await import("${module}"); console.log(JSON.stringify(bundleIn(${JSON.stringify(home)})));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await text(child.stdout)) as Bundle;
}

describe("the bundle behind the wall", () => {
  it("is one, whole and with its snapshot, when several processes build it at once", async () => {
    const home = mkdtempSync(path.join(tmpdir(), "workbook-bundle-"));
    try {
      const [first, ...others] = await Promise.all([built(home), built(home), built(home)]);
      for (const other of others) expect(other).to.deep.equal(first);
      expect(readdirSync(home)).to.deep.equal([path.basename(first!.folder)]);
      const files = readdirSync(first!.folder).sort();
      expect(files).to.deep.equal(["boot.cjs", "bundle.json", "child.512.blob", "child.cache", "child.cjs"]);
    } finally {
      rmSync(home, { recursive: true });
    }
  }).timeout(180_000);

  it("can be read by everybody, if the folder that it lies in can", async () => {
    const home = mkdtempSync(path.join(tmpdir(), "workbook-bundle-"));
    try {
      chmodSync(home, 0o755);
      const { folder } = await built(home);
      expect(isOpen(folder)).to.equal(true);
      for (const file of readdirSync(folder)) {
        expect(statSync(path.join(folder, file)).mode & 0o777, file).to.equal(0o644);
      }
      chmodSync(home, 0o700);
      expect(isOpen(folder)).to.equal(false);
    } finally {
      rmSync(home, { recursive: true });
    }
  }).timeout(180_000);
});
