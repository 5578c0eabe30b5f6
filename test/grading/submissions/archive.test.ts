import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { describe, it } from "mocha";
import { accepted, answers, notebookFile, refused, type ZipFile, zipFile } from "./material.js";

const good: ZipFile = { name: "start-here.ts", content: answers };

async function refusedZip(...files: ZipFile[]): Promise<string> {
  return refused("alice.zip", zipFile(files));
}

describe("a zip that somebody hands in", () => {
  it("holds the answers anywhere, beside what operating systems and editors leave there", async () => {
    const junk = [
      "__MACOSX/._start-here.ts",
      ".DS_Store",
      "hw/.vscode/start-here.ts",
      "hw/node_modules/x/start-here.ts",
    ];
    const zip = zipFile([
      ...junk.map((name) => ({ name, content: "nonsense" })),
      { name: "hw/", content: "" },
      { name: "hw/märz/start-here.ts", content: answers },
      { name: "hw/data.bin", content: randomBytes(10) },
    ]);
    const { file, text, locate } = await accepted("alice.zip", zip);
    expect(file).to.equal("alice.zip: hw/märz/start-here.ts");
    expect(text).to.equal(answers);
    expect(locate(1, 2)).to.equal("hw/märz/start-here.ts:1:2");
  });

  it("may hold a notebook, and files that are stored without compression", async () => {
    const cells = ["const causalPairs = (T: number) => T;"];
    const zip = zipFile([{ name: "start-here.ipynb", content: notebookFile(cells), method: 0 }]);
    expect((await accepted("alice.zip", zip)).text).to.include("causalPairs = (T: number)");
  });

  it("with names that lead outside is refused, whatever else it holds", async () => {
    for (const name of ["../../etc/passwd", "/etc/passwd", "a/../../b.ts", "C:\\b.ts", "..\\b.ts"]) {
      expect(await refusedZip(good, { name, content: "" }), name).to.match(
        /^archive: alice\.zip: a name in it leads outside of it: /,
      );
    }
  });

  it("with a link, an encrypted answer, the same name twice or only a zip inside is refused, and says so", async () => {
    expect(await refusedZip({ ...good, link: true })).to.equal(
      "archive: alice.zip: start-here.ts is a symbolic link, which is not followed",
    );
    expect(await refusedZip({ ...good, encrypted: true })).to.equal(
      "archive: alice.zip: start-here.ts: is encrypted; zip it without a password",
    );
    expect(await refusedZip(good, good)).to.equal("archive: alice.zip: holds start-here.ts twice");
    expect(await refusedZip({ name: "inner.zip", content: zipFile([good]) })).to.equal(
      "missing: alice.zip: expected a .ts or .ipynb file, got a zip inside (inner.zip); unpack it first",
    );
    expect(await refusedZip()).to.equal("missing: alice.zip: expected a .ts or .ipynb file, got nothing");
  });

  it("that is too much to unpack is refused before it is unpacked", async () => {
    const zeros = Buffer.alloc(2 << 20);
    expect(await refusedZip({ ...good, content: zeros })).to.equal(
      "too large: alice.zip: start-here.ts: expected at most 1 MB, got 2 MB",
    );
    const claims = Array.from({ length: 11 }, (_, i) => ({ name: `${i}.bin`, content: "", size: 20 << 20 }));
    expect(await refusedZip(good, ...claims)).to.equal(
      "archive: alice.zip: would unpack to more than 200 MB; hand in the answers only",
    );
    const many = Array.from({ length: 5001 }, (_, i) => ({ name: `${i}.txt`, content: "" }));
    expect(await refusedZip(...many)).to.equal(
      "archive: alice.zip: expected at most 5000 files, got more; hand in the answers only",
    );
  });

  it("that unpacks to more or less than it says is refused", async () => {
    const zeros = Buffer.alloc(64 << 20);
    expect(await refusedZip({ ...good, content: zeros, size: 1000 })).to.match(
      /^archive: alice\.zip: start-here\.ts: cannot be unpacked \(too many bytes in the stream/,
    );
    expect(await refusedZip({ ...good, size: 100_000 })).to.match(/cannot be unpacked \(not enough bytes/);
  });

  it("that is damaged is refused", async () => {
    expect(await refusedZip({ ...good, crc: 1 })).to.equal(
      "archive: alice.zip: start-here.ts: is damaged (its checksum does not fit); zip and hand it in again",
    );
    expect(await refused("alice.zip", zipFile([good]).subarray(0, 200))).to.equal(
      "archive: alice.zip: expected a zip, got something else or a part of one; zip and hand it in again",
    );
    expect(await refused("alice.zip", "")).to.equal("archive: alice.zip: the file is empty");
    expect(await refusedZip({ ...good, method: 9 })).to.match(/uses a compression that is not zip's own/);
  });
});
