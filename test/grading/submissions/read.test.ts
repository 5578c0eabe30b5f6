import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { lesson } from "workbook/grading/submissions/exercise";
import { findSubmissions, readSubmission } from "workbook/grading/submissions/read";
import { isRefusal, printable } from "workbook/grading/submissions/submission";
import { root } from "workbook/root";
import { accepted, answers, notebookFile, refused, told, zipFile } from "./material.js";

describe("a file that somebody hands in", () => {
  it("is the module itself, and its positions are its own", async () => {
    const { slug, file, text, locate, notes } = await accepted("start-here.ts", answers);
    expect({ slug, file, text, notes }).to.deep.equal({
      slug: "start-here",
      file: "start-here.ts",
      text: answers,
      notes: [],
    });
    expect(locate(3, 17)).to.equal("start-here.ts:3:17");
  });

  it("answers the exercise that it is named for, however a browser or a lesson names it", async () => {
    for (const name of [
      "transformer.ts",
      "Transformer.TS",
      "2017-transformer.ts",
      "transformer (2).ts",
      "transformer copy.ts",
    ]) {
      expect((await accepted(name, "export const a = 1;")).slug, name).to.equal("transformer");
    }
    expect((await accepted("00-start-here.ipynb", notebookFile(["1"]))).slug).to.equal("start-here");
  });

  it("else the one whose released header it keeps, else the one whose exports it has", async () => {
    const header = lesson("transformer").text.split("\n", 1)[0]!;
    expect((await accepted("alice_0712_file.ts", `${header}\nexport const a = 1;`)).slug).to.equal(
      "transformer",
    );
    expect((await accepted("alice.ts", answers)).slug).to.equal("start-here");
    const listed = "const causalPairs = (T: number) => T; export { causalPairs };";
    expect((await accepted("alice.ts", listed)).slug).to.equal("start-here");
  });

  it("is what --slug says, whatever its name", async () => {
    expect((await accepted("transformer.ts", answers, "start-here")).slug).to.equal("start-here");
    expect(await refused("alice.ts", answers, "start-hear")).to.match(
      /^unknown exercise: alice\.ts: there are no exercises named "start-hear"; known: .*start-here/,
    );
  });

  it("is refused when nothing tells its exercise", async () => {
    expect(await refused("alice.ts", "export const a = 1;")).to.equal(
      "unknown exercise: alice.ts: neither name, first lines nor exports tell the exercise; name the file like the " +
        "exercise (transformer.ts) or say with --slug which it is",
    );
  });

  it("may begin with a byte order mark and end its lines as Windows does", async () => {
    const { text } = await accepted("start-here.ts", `\uFEFF${answers.replaceAll("\n", "\r\n")}`);
    expect(text).to.equal(answers);
  });

  it("in another encoding than UTF-8 is refused by name, with what to do", async () => {
    const remedy = "save it again with the encoding UTF-8";
    const utf16 = Buffer.from(`\uFEFF${answers}`, "utf16le");
    const expected = `not UTF-8: start-here.ts: expected UTF-8, got UTF-16; ${remedy}`;
    expect(await refused("start-here.ts", utf16)).to.equal(expected);
    expect(await refused("start-here.ts", utf16.subarray(2))).to.equal(expected);
    expect(await refused("start-here.ts", Buffer.from(utf16).swap16())).to.equal(expected);
    const latin1 = Buffer.from("export const a = 1;\n// größer\n", "latin1");
    expect(await refused("start-here.ts", latin1)).to.equal(
      `not UTF-8: start-here.ts: line 2 is not UTF-8; ${remedy}`,
    );
    expect(await refused("start-here.ts", Buffer.from([0x47, 0, 1, 0xff, 0x10]))).to.equal(
      "wrong type: start-here.ts: expected text, got a binary file",
    );
  });

  it("that is empty, or of another type, is refused", async () => {
    expect(await refused("start-here.ts", " \r\n")).to.equal("unparsable: start-here.ts: the file is empty");
    expect(await refused("start-here.ipynb", "")).to.equal("unparsable: start-here.ipynb: the file is empty");
    expect(await refused("start-here.js", answers)).to.equal(
      "wrong type: start-here.js: expected a .ts, .ipynb or .zip file or a folder, got a .js file",
    );
    expect(await refused("start-here.d.ts", answers)).to.match(/got a \.d\.ts file$/);
    expect(await refused("start-here", answers)).to.match(/got a file without an extension$/);
  });

  it("that nests deeper than a parser's stack is refused, and nobody falls over", async () => {
    const deep = { "(": ")", "[": "]", "a=>": "", "class A{x=": "", "!": "", "f<": "" };
    for (const [open, close] of Object.entries(deep)) {
      const text = `export const causalPairs = ${open.repeat(100_000)}1${close.repeat(100_000)};`;
      const submission = await accepted("start-here.ts", text);
      expect(submission.text, open).to.equal(text);
      expect(await refused("alice.ts", text, undefined), open).to.match(/^unknown exercise/);
    }
  });

  it("may be long without being deep", async () => {
    const lines = Array.from(
      { length: 4000 },
      (_, i) => `const f${i} = (a: number[]) => [a.map((b) => (b < ${i} ? 1 : 2))];`,
    );
    const { slug } = await accepted("alice.ts", `${lines.join("\n")}\n${answers}`);
    expect(slug).to.equal("start-here");
  });
});

describe("names of files", () => {
  it("are shown on one line, without what would rewrite the line", () => {
    expect(printable("a\nb\u001b[2Jc\u202Ed")).to.equal("a\\u{a}b\\u{1b}[2Jc\\u{202e}d");
    expect(printable("Zoë Müller's “répo” 👩‍🔬.ts")).to.equal("Zoë Müller's “répo” 👩‍🔬.ts");
  });
});

describe("what lies on disk", () => {
  let folder = "";
  const at = (name: string) => path.join(folder, name);
  const put = (name: string, content: string | Buffer = answers) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
    return at(name);
  };
  const reading = async (name: string, slug?: string) =>
    told(await readSubmission(at(name), slug === undefined ? {} : { slug }));
  const fresh = () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
  };
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-class-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  describe("one student's", () => {
    before(fresh);

    it("missing file, link, pipe or folder named like a file: one sentence each", async () => {
      put("real.ts");
      symlinkSync(at("real.ts"), at("start-here.ts"));
      execFileSync("mkfifo", [at("pipe.ts")]);
      mkdirSync(at("transformer.ts"));
      expect(await reading("none.ts")).to.equal("missing: none.ts: there is no such file");
      expect(await reading("start-here.ts")).to.match(/got a symbolic link, which is not followed$/);
      expect(await reading("pipe.ts")).to.match(/got a device or a pipe$/);
      expect(await reading("transformer.ts")).to.equal(
        "missing: transformer.ts: expected a .ts or .ipynb file, got nothing",
      );
    });

    it("file with a name in another encoding is not passed over", async () => {
      mkdirSync(at("old-zip"));
      writeFileSync(
        Buffer.concat([Buffer.from(`${at("old-zip")}/start-here`), Buffer.from([0xfc, 0x2e, 0x74, 0x73])]),
        answers,
      );
      expect(await reading("old-zip", "start-here")).to.match(
        /^missing: .*: its name is not UTF-8; rename it$/,
      );
    });

    it("file of more than 1 MB, notebook of more than 20 MB: too large", async () => {
      put("big.ts", `${answers}//${"x".repeat(1 << 20)}`);
      expect(await reading("big.ts")).to.equal("too large: big.ts: expected at most 1 MB, got a little more");
      put("big.ipynb", Buffer.alloc((20 << 20) + 1, " "));
      expect(await reading("big.ipynb")).to.equal(
        "too large: big.ipynb: expected at most 20 MB, got a little more",
      );
    });

    it("folder holds the answers anywhere below, beside what tools leave there", async () => {
      put("alice/hw1/start-here.ts");
      put("alice/.ipynb_checkpoints/start-here-checkpoint.ipynb", "{}");
      put("alice/node_modules/start-here/start-here.ts");
      put("alice/essay.pdf", "%PDF");
      const read = await readSubmission(at("alice"));
      expect(isRefusal(read) ? read : read.file).to.equal("alice/hw1/start-here.ts");
    });

    it("folder of one zip holds what the zip holds", async () => {
      put("zipped/hand in.zip", zipFile([{ name: "x/start-here.ts", content: answers }]));
      const read = await readSubmission(at("zipped"));
      expect(isRefusal(read) ? read : read.file).to.equal("zipped/hand in.zip: x/start-here.ts");
    });

    it("two different answers to one exercise are a duplicate that names both", async () => {
      put("twice/start-here.ts");
      put("twice/old/start-here.ts", `${answers}// old`);
      expect(await reading("twice")).to.equal(
        'duplicate: twice/start-here.ts and twice/old/start-here.ts are both answers to "start-here"; expected one of them',
      );
      put("twice/old/start-here.ts", answers);
      const same = await readSubmission(at("twice"));
      expect(isRefusal(same) ? [] : same.notes).to.deep.equal([
        "twice/start-here.ts and twice/old/start-here.ts hold the same; the first was graded",
      ]);
    });

    it("answered file counts beside the untouched one, the lesson's notebook and a broken file", async () => {
      put("mixed/exercises/start-here.ts", lesson("start-here").text);
      put("mixed/my-start-here.ts");
      put("mixed/00-start-here.ipynb", readFileSync(path.join(root, "notebooks/00-start-here.ipynb")));
      put("mixed/start-here.ipynb", "{");
      const read = await readSubmission(at("mixed"));
      if (isRefusal(read)) throw new Error(read.message);
      expect(read.file).to.equal("mixed/my-start-here.ts");
      expect(read.notes).to.have.length(3);
      expect(read.notes[0]).to.equal(
        "mixed/00-start-here.ipynb was set aside: mixed/my-start-here.ts holds more of the answers",
      );
      expect(read.notes[2]).to.match(
        /^set aside: mixed\/start-here\.ipynb: expected a notebook, got text that is not/,
      );
    });

    it("folder with answers to two exercises needs to be told which is graded", async () => {
      put("both/start-here.ts");
      put("both/transformer.ts", "export const growthFromDoubling: number = 2;");
      expect(await reading("both")).to.equal(
        "unknown exercise: both: holds answers to start-here and transformer; say with --slug which to grade",
      );
      expect(await reading("both", "transformer")).to.equal("accepted");
    });

    it("folder without an answer to that exercise says what is there", async () => {
      put("other/start-here.ts");
      expect(await reading("other", "transformer")).to.equal(
        'missing: other: expected an answer to "transformer", got other/start-here.ts (for "start-here")',
      );
      put("prose/essay.pdf", "%PDF");
      put("prose/notes.txt", "hello");
      expect(await reading("prose")).to.equal(
        "missing: prose: expected a .ts or .ipynb file, got essay.pdf and notes.txt",
      );
    });
  });

  describe("a class's", () => {
    before(fresh);
    const found = async (slug?: string) =>
      (await findSubmissions(folder, slug === undefined ? {} : { slug })).map(
        ({ student, path: file, slug: which, refusal }) =>
          `${student}: ${path.relative(folder, file)} ${which ?? "?"}${refusal ? ` ${refusal.reason}` : ""}`,
      );

    it("entries are named by student, in their order, with the exercise that each answers", async () => {
      put("alice.ts");
      put("bob.ipynb", notebookFile(["const causalPairs = (T: number) => T;"]));
      put("carla.zip", zipFile([{ name: "start-here.ts", content: answers }]));
      put("dora/transformer.ts", "export const growthFromDoubling: number = 2;");
      put("dora/start-here.ts");
      put(`Zoë "Zo'e" O'Hara\n.ts`);
      put(".hidden.ts");
      put("README.md", "# class");
      put("grades.csv", "a,b");
      put("eve.py", "print(1)");
      put("fred/essay.pdf", "%PDF");
      put("gina.ts", "export const a = 1;");
      symlinkSync(at("alice.ts"), at("link.ts"));
      symlinkSync(at("dora"), at("linked-folder"));
      expect(await found()).to.deep.equal([
        `Zoë "Zo'e" O'Hara\n: Zoë "Zo'e" O'Hara\n.ts start-here`,
        "alice: alice.ts start-here",
        "bob: bob.ipynb start-here",
        "carla: carla.zip start-here",
        "dora: dora start-here",
        "dora: dora transformer",
        "eve: eve.py ? wrong type",
        "fred: fred ? missing",
        "gina: gina.ts ? unknown exercise",
        "link: link.ts ? wrong type",
      ]);
    });

    it("with --slug, what answers another exercise is missing and what is nameless is taken for this one", async () => {
      const lines = await found("transformer");
      expect(lines).to.include.members([
        "alice: alice.ts transformer missing",
        "dora: dora transformer",
        "gina: gina.ts transformer",
      ]);
    });

    it("a student's file and folder count together: two answers are a duplicate", async () => {
      fresh();
      put("alice.ts");
      put("alice/start-here.ts", `${answers}// newer`);
      const [only, ...rest] = await findSubmissions(folder);
      expect(rest).to.deep.equal([]);
      expect(only!.refusal!.message).to.equal(
        'alice/start-here.ts and alice.ts are both answers to "start-here"; expected one of them',
      );
    });

    it("nbgrader's course folder works: submitted/<student>/<assignment>/<file>", async () => {
      fresh();
      put("submitted/alice/transformer/answers.ts", "export const growthFromDoubling: number = 2;");
      put("submitted/alice/transformer/timestamp.txt", "2026-01-01");
      put("source/transformer/transformer.ipynb", "{}");
      expect(await found()).to.deep.equal(["alice: submitted/alice transformer"]);
    });

    it("a folder with files named for exercises is one student's", async () => {
      fresh();
      put("start-here.ts");
      put("transformer.ts", "export const growthFromDoubling: number = 2;");
      const name = path.basename(folder);
      expect(await found()).to.deep.equal([`${name}:  start-here`, `${name}:  transformer`]);
    });

    it("a submission's time is its file's", async () => {
      fresh();
      const time = new Date("2026-02-03T04:05:06Z");
      utimesSync(put("alice/start-here.ts"), time, time);
      expect((await findSubmissions(folder))[0]!.modified).to.deep.equal(time);
    });
  });
});
