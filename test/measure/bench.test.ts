import { expect } from "chai";
import { describe, it } from "mocha";
import { UsageError } from "workbook/cli";
import { command, formatCurve } from "workbook/commands/bench";

describe("workbook bench", () => {
  const failure = (args: string[]) =>
    command.main(args).then(
      () => undefined,
      (error: Error) => error,
    );

  it("an unknown slug is a misuse, named in one line before anything is measured", async () => {
    const error = await failure(["transformer", "nope"]);
    expect(error).to.be.instanceOf(UsageError);
    expect(error?.message).to.match(/^no benchmarks for "nope"; expected .*transformer/);
  });

  it("a folder that is not there and an unknown option are misuses too", async () => {
    const error = await failure(["transformer", "--json", "/no/such/folder/x.json"]);
    expect(error).to.be.instanceOf(UsageError);
    expect(error?.message).to.equal("no folder /no/such/folder to write /no/such/folder/x.json into");
    expect(await failure(["--fast"])).to.have.property("code", "ERR_PARSE_ARGS_UNKNOWN_OPTION");
  });

  it("a table carries times, rates, memory and growth", () => {
    const rows = [
      { T: 1024, ms: 10, iqr: 1, flops: 1e9, peakBytes: 2 ** 20 },
      { T: 2048, ms: 40, iqr: 2.5, flops: 4e9, peakBytes: 2 ** 22 },
    ];
    expect(formatCurve({ label: "softmax", rows }).split("\n")).to.deep.equal([
      "softmax",
      "     T  median ms  IQR ms  GFLOP/s  peak MiB",
      "  1024      10.00    1.00    100.0      1.00",
      "  2048      40.00    2.50    100.0      4.00",
      "  grows as: time T^2.00, operations T^2.00, peak memory T^2.00",
    ]);
  });
});
