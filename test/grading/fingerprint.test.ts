import { expect } from "chai";
import { describe, it } from "mocha";
import { answerFingerprints, exportedDeclarations, fileFingerprints } from "workbook/grading/fingerprint";

const file = `import * as tf from "@tensorflow/tfjs";

/** Doubles. */
export function double(x: number): number {
  return scale(x);
}

export const quadruple = (x: number): number => double(double(x));

export const width: number = 64, height = 3;

function scale(x: number): number {
  return 2 * x;
}
`;
const names = ["double", "quadruple", "width"];

/** The exercises whose fingerprint a change of the file changes. */
function changed(from: string, to: string): string[] {
  expect(file).to.include(from);
  const [before, after] = [file, file.replace(from, to)].map((text) => fileFingerprints(text, names));
  return names.filter((name) => before!.get(name) !== after!.get(name));
}

describe("fileFingerprints", () => {
  it("a changed answer changes its own fingerprint, and those of the exercises that call it", () => {
    expect(changed("return scale(x)", "return 2 * scale(x)")).to.deep.equal(["double", "quadruple"]);
    expect(changed("double(double(x))", "4 * x")).to.deep.equal(["quadruple"]);
    expect(changed("width: number = 64", "width: number = 32")).to.deep.equal(["width"]);
  });

  it("a changed helper or import changes them all; what stands between the statements changes none", () => {
    expect(changed("2 * x", "x + x")).to.deep.equal(names);
    expect(changed("import * as tf", "import * as tensors")).to.deep.equal(names);
    expect(changed("/** Doubles. */", "// Twice.")).to.deep.equal([]);
  });

  it("in a file that does not parse everything depends on everything", () => {
    expect(exportedDeclarations("export const = 1")).to.equal(undefined);
    const [one, two] = ["export const = 1", "export const = 2"].map((text) => fileFingerprints(text, names));
    expect(new Set(one!.values()).size).to.equal(1);
    expect(one!.get("width")).to.not.equal(two!.get("width"));
  });

  it("a missing exercise has a fingerprint too", () => {
    expect(fileFingerprints("", ["double"]).get("double")).to.match(/^[0-9a-f]{16}$/);
  });
});

describe("answerFingerprints", () => {
  it("of a function its text counts, of a constant its value", () => {
    const of = (answer: unknown) => answerFingerprints({ f: answer }).get("f");
    expect(of((x: number) => 2 * x)).to.equal(of((x: number) => 2 * x));
    expect(of((x: number) => 2 * x)).to.not.equal(of((x: number) => 3 * x));
    expect(of(64)).to.equal(of(64));
    expect(of(64)).to.not.equal(of("64"));
  });
});
