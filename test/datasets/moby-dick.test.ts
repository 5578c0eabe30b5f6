import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { clean, type MobyDick, mobyDick } from "workbook/datasets/moby-dick";
import { ngramModel } from "workbook/learn/ngram";
import { root } from "workbook/root";

describe("Moby Dick", () => {
  let book: MobyDick;
  before(() => {
    book = mobyDick();
  });

  it("is the text whose size and checksum README.md states", () => {
    const text = book.chapters.map((chapter) => chapter.text).join("\n\n");
    const readme = readFileSync(path.join(root, "datasets/moby-dick/README.md"), "utf8");
    expect(readme).to.contain(`\`${createHash("sha256").update(text).digest("hex")}\``);
    expect(readme).to.contain(`${text.length.toLocaleString("en-US")} characters after cleaning`);
  });

  it("has 138 parts in the book's order, and every tenth is for validation", () => {
    expect(book.chapters.map(({ number }) => number)).to.deep.equal([
      "Etymology",
      "Extracts",
      ...Array.from({ length: 135 }, (_, i) => String(i + 1)),
      "Epilogue",
    ]);
    expect(
      book.chapters.filter(({ split }) => split === "validation").map(({ number }) => number),
    ).to.deep.equal(Array.from({ length: 13 }, (_, i) => String(10 * i + 8)));
    expect(book.chapters[2]!.text.startsWith("Call me Ishmael.")).to.equal(true);
  });

  it("splits by chapters: the tokens of a split are its chapters, and decode gives them back", () => {
    for (const split of ["train", "validation"] as const) {
      const chapters = book.chapters.filter((chapter) => chapter.split === split);
      expect(book.decode(book.tokens[split]) === chapters.map(({ text }) => text).join("\n\n")).to.equal(
        true,
      );
    }
    expect(book.tokens.train).to.have.length(1_106_975);
    expect(book.tokens.validation).to.have.length(101_607);
  });

  it("n-gram models reach on the validation split what README.md states", () => {
    const readme = readFileSync(path.join(root, "datasets/moby-dick/README.md"), "utf8");
    const nats = [1, 2, 3].map((order) => {
      const model = ngramModel({ train: book.tokens.train, vocabulary: book.vocabulary.length, order });
      return model.crossEntropy(book.tokens.validation).toFixed(2);
    });
    expect(readme.replace(/\s+/g, " ")).to.contain(
      `${nats[0]} with single characters, ${nats[1]} with pairs, ${nats[2]} with triples.`,
    );
  });

  it("has 77 characters in code point order", () => {
    expect(book.vocabulary.join("")).to.equal(
      "\n !\"'()*,-.0123456789:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz—",
    );
    expect([...book.encode("\n —")]).to.deep.equal([0, 1, 76]);
  });

  it("encode and decode name what they do not know", () => {
    expect(() => book.encode("Käse")).to.throw(RangeError, 'got "ä" at 1');
    expect(() => book.encode("🐳")).to.throw('got "🐳" at 0');
    expect(() => book.decode([3, 77])).to.throw("decode: expected tokens from 0 to 76, got 77");
  });

  it("cleaning leaves plain line ends and blanks, and few rare characters", () => {
    expect(clean("a\r\nb\rc  \n\n\n\nd\n")).to.equal("a\nb\nc\n\nd");
    expect(clean("[Œ & $7] חη — x\ty")).to.equal("(OE and 7)  — xy");
  });
});
