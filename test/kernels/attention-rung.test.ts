import { expect } from "chai";
import { describe, it } from "mocha";
import type { GpuInfo } from "workbook/kernels/adapter";
import { chooseRung } from "workbook/kernels/attention/rung";
import type { Rung } from "workbook/kernels/fused";

const device = (bytes: number, smallestSubgroup?: number, features: GPUFeatureName[] = []) => ({
  software: false,
  features,
  smallestSubgroup,
  limits: { maxComputeWorkgroupStorageSize: bytes } as GpuInfo["limits"],
});

const small = 16_384;
const large = 32_768;
const choose = (
  gpu: ReturnType<typeof device>,
  rung?: Rung,
  length = 1000,
  widths = [64, 64],
  rowsDivide = 64,
) => chooseRung({ rung, length, widths, rowsDivide }, gpu);

describe("kernels/attention, the choice of a rung", () => {
  it("is tiles, with subgroups where workgroup memory is short", () => {
    expect(choose(device(large, 32)).rung).to.equal("tiled");
    expect(choose(device(small, 32)).rung).to.equal("subgroup");
    expect(choose(device(small)).rung).to.equal("tiled");
  });

  it("is f16 where it is asked for and the device has it, and tiles elsewhere", () => {
    const able = device(large, 32, ["shader-f16"]);
    expect(choose(able).rung).to.equal("tiled");
    expect(choose(able, "f16").rung).to.equal("f16");
    expect(choose(able, "f16", 1000, [64, 5]).rung).to.equal("plain");
    expect(choose(device(large, 32), "f16").rung).to.equal("tiled");
  });

  it("falls to the version below where a device or a width has not what it wants", () => {
    expect(choose(device(large), "subgroup").rung).to.equal("tiled");
    expect(choose(device(large, 32), "subgroup", 1000, [64, 5]).rung).to.equal("plain");
    expect(choose(device(large, 32), "tiled", 1000, [64, 64], 24).rung).to.equal("plain");
  });

  it("takes no more workgroup memory than the device has, and holds the widest head", () => {
    for (const bytes of [small, large]) {
      for (const smallest of [undefined, 4, 8, 32]) {
        for (const rung of ["tiled", "subgroup", "f16"] as const) {
          for (const width of [4, 60, 64, 128]) {
            const choice = choose(device(bytes, smallest, ["shader-f16"]), rung, 1000, [width, 4]);
            const { ROWS, LANES, CHUNKS } = choice.constants as Record<string, number>;
            const [rows, lanes] = [ROWS!, LANES!];
            expect(choice.rung).to.equal(rung === "subgroup" && smallest === undefined ? "tiled" : rung);
            const half = choice.rung === "f16";
            const queries = rows * ((half ? lanes * CHUNKS! : lanes) + 1);
            const weights = (rows / 4) * (4 * lanes + 1);
            const exchanged = choice.rung === "subgroup" ? 0 : (rows / 4) * lanes;
            const operands = queries + 4 * lanes * (lanes + 1);
            const kept = operands + (choice.rung === "subgroup" ? 0 : weights);
            expect((half ? 8 : 16) * kept + 16 * exchanged).to.be.at.most(bytes);
            expect(4 * lanes * CHUNKS!).to.be.at.least(width);
            if (choice.rung === "subgroup") expect(lanes).to.be.at.most(smallest!);
          }
        }
      }
    }
  });

  it("takes few rows where there are few, and rows that divide a block", () => {
    expect(choose(device(large), undefined, 1).rows).to.equal(16);
    expect(choose(device(large), undefined, 40).rows).to.equal(64);
    expect(choose(device(large), undefined, 1000, [64, 64], 96).rows).to.equal(32);
  });
});
