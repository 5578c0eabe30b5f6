import { createHash } from "node:crypto";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { clean, type MobyDick, mobyDick } from "workbook/datasets/moby-dick";

describe("Moby Dick", () => {
  let book: MobyDick;
  before(() => {
    book = mobyDick();
  });

  it("is the text that README.md names, by its checksum", () => {
    const text = book.chapters.map((chapter) => chapter.text).join("\n\n");
    const digest = createHash("sha256").update(text).digest("hex");
    expect(digest).to.equal("1231b0862aab95729caa335c6a30e4d62042409a051a1af4ad5d560316345b4e");
    expect(text).to.have.length(1_208_584);
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
