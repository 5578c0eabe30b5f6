import { expect } from "chai";
import { describe, it } from "mocha";
import { chooseScanRung } from "workbook/kernels/selective-scan/rung";

const device = (smallestSubgroup?: number, software = false) => ({ software, smallestSubgroup });
const long = { rung: undefined, T: 4096, D: 1536 };

describe("kernels/selective-scan, the choice of a rung", () => {
  it("is chunks where one long text's channels leave a GPU idle", () => {
    for (const gpu of [device(), device(32)]) {
      expect(chooseScanRung({ ...long, batch: 1 }, gpu)).to.equal("chunked");
    }
  });

  it("is one walk where channels, with four lanes each, are invocations enough", () => {
    const batches = (gpu: ReturnType<typeof device>) =>
      [10, 11, 42, 43].map((batch) => chooseScanRung({ ...long, batch }, gpu));
    expect(batches(device(32))).to.deep.equal(["chunked", "subgroup", "subgroup", "subgroup"]);
    expect(batches(device())).to.deep.equal(["chunked", "chunked", "chunked", "plain"]);
  });

  it("is one walk where there is but one chunk", () => {
    const at = (T: number) => chooseScanRung({ ...long, T, batch: 1 }, device(4));
    expect([at(64), at(65)]).to.deep.equal(["subgroup", "chunked"]);
    expect(chooseScanRung({ ...long, T: 64, batch: 1 }, device())).to.equal("plain");
  });

  it("is the plain walk on software, and what is asked for anywhere", () => {
    expect(chooseScanRung({ ...long, batch: 1 }, device(4, true))).to.equal("plain");
    for (const rung of ["plain", "chunked", "subgroup"] as const) {
      expect(chooseScanRung({ ...long, rung, batch: 1 }, device(4, true))).to.equal(rung);
    }
  });

  it("throws for lanes of subgroups that are not there, or too small", () => {
    for (const gpu of [device(), device(2)]) {
      expect(() => chooseScanRung({ ...long, rung: "subgroup", batch: 1 }, gpu)).to.throw(
        RangeError,
        /^selective scan: expected a rung that runs without subgroups of 4 or more, got subgroup$/,
      );
      expect(chooseScanRung({ ...long, T: 1, batch: 1 }, gpu)).to.equal("plain");
    }
  });
});
