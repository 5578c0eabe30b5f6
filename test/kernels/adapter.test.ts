import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { after, describe, it } from "mocha";
import { SWIFT_SHADER } from "workbook/kernels/adapter";
import { root } from "workbook/root";
import { skipWithoutGpu } from "../gpu.js";

/** Finds the adapter in a process of its own, as the loader of Vulkan keeps what it has once seen. */
function find(env: Readonly<Record<string, string>>): string {
  const adapter = pathToFileURL(path.join(root, "lib/dist/lib/kernels/adapter.js")).href;
  const script = `const { findAdapter, describeAdapter } = await import(${JSON.stringify(adapter)});
    await findAdapter().then(({ adapter }) => console.log(describeAdapter(adapter).description), (e) => console.log(e.message));
    process.exit(0);`;
  const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...rest } = process.env;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...rest, ...env },
    encoding: "utf8",
  });
  return stdout.trim();
}

describe("the adapter", () => {
  const home = mkdtempSync(path.join(tmpdir(), "workbook-vulkan-"));
  after(() => rmSync(home, { recursive: true }));

  it("is the browser's software Vulkan where the driver that is installed does not serve Dawn", function () {
    if (!existsSync(SWIFT_SHADER)) skipWithoutGpu(this, new Error(`there is no ${SWIFT_SHADER}`));
    const drivers = path.join(home, "vulkan/icd.d");
    mkdirSync(drivers, { recursive: true });
    const broken = { file_format_version: "1.0.0", ICD: { library_path: "gone.so", api_version: "1.3.0" } };
    writeFileSync(path.join(drivers, "broken.json"), JSON.stringify(broken));
    // Of the folders in which the loader looks, this leaves /etc alone besides ours.
    expect(find({ XDG_DATA_HOME: home, XDG_DATA_DIRS: home, XDG_CONFIG_DIRS: home })).to.not.match(/^no GPU/);
  });

  it("is none, with a word on how to get one, where the user's own choice of driver does not serve", () => {
    expect(find({ VK_DRIVER_FILES: "/dev/null" })).to.match(
      /^no GPU was found; install the driver of your GPU/,
    );
  });
});
