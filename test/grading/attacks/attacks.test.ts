import { existsSync } from "node:fs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { describeWalls } from "workbook/grading/wall/jail";
import { expectOutcome } from "./attack.js";
import { channelAttacks } from "./channel.js";
import { judgeAttacks } from "./judge.js";
import { resourceAttacks } from "./resources.js";
import { rightsAttacks, written } from "./rights.js";
import { valueAttacks } from "./values.js";

const suites = {
  "the judgement": judgeAttacks,
  "the channel": channelAttacks,
  "the judge's values": valueAttacks,
  "the machine": rightsAttacks,
  "time, memory and output": resourceAttacks,
};

describe("hostile submissions earn nothing by attacking", function () {
  this.timeout(120_000);

  before(() => useBackend());

  for (const [target, attacks] of Object.entries(suites)) {
    describe(target, () => {
      for (const attack of attacks) it(attack.name, () => expectOutcome(attack));
    });
  }

  it("no attack has made a file", () => {
    expect(existsSync(written)).to.equal(false);
  });

  after(() => {
    for (const missing of describeWalls().missing) console.warn(`      on this machine ${missing}`);
  });
});
