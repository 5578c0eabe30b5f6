import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { reset } from "workbook/commands/reset";
import { handedOut, handout } from "workbook/grading/handout";
import { handoutCheck } from "workbook/grading/handout-check";
import { handoutBundle } from "workbook/grading/handout-view";
import { HandoutError, handoutSlugs, writeHandout } from "workbook/grading/handout-write";
import { loadGraded, solvedSlugs } from "workbook/grading/lessons";
import { releaseText } from "workbook/grading/release";
import { root } from "workbook/root";

describe("writeHandout", () => {
  let folder = "";
  let out = "";
  let files: string[] = [];
  const text = (file: string) => readFileSync(path.join(out, file), "utf8");
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-handout-"));
    out = path.join(folder, "out");
    writeHandout(out, await Promise.all(handoutSlugs(solvedSlugs()).map(loadGraded)));
    files = filesBelow(out);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("holds what `npm start` needs, every exercise as it is released, and a copy for `workbook reset`", () => {
    const needed = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "lib/package.json"];
    const tools = ["lib/setup/start.mjs", "lib/setup/requirements.txt", "lib/bin/workbook.mjs"];
    expect(files).to.include.members([
      ...needed,
      ...tools,
      "notebooks/00-start-here.ipynb",
      "README.md",
      "LICENSE",
    ]);
    for (const slug of solvedSlugs()) {
      const released = releaseText(slug, readFileSync(path.join(root, `solutions/${slug}.ts`), "utf8")).text;
      expect(text(`exercises/${slug}.ts`)).to.equal(released);
      expect(text(handedOut(slug))).to.equal(released);
    }
    expect(Object.keys(handout(out)!.lessons).sort()).to.deep.equal(solvedSlugs());
    expect(handout(root)).to.equal(undefined);
  });

  it("holds no solution, graded test, mutant, test, compiled file or history", () => {
    const tops = new Set(files.map((file) => file.split("/")[0]));
    expect([...tops].sort()).to.deep.equal([
      ".gitignore",
      ".npmrc",
      "LICENSE",
      "README.md",
      "datasets",
      "exercises",
      "handout.json",
      "lib",
      "notebooks",
      "package-lock.json",
      "package.json",
      "tsconfig.json",
    ]);
    expect(files.filter((file) => /(^|\/)(dist|node_modules|\.git|\.cache)(\/|$)/.test(file))).to.deep.equal(
      [],
    );
    const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
    expect(scripts).to.have.all.keys("setup", "start", "build", "test");
  });

  it("holds no two lines of a solution that follow each other, and no word of a graded test but its exercise's title", async () => {
    const everything = files.map((file) => [file, oneSpaced(text(file).split("\n")).join(" ")] as const);
    for (const slug of solvedSlugs()) {
      const solution = readFileSync(path.join(root, `solutions/${slug}.ts`), "utf8");
      // One line may well be the same in an answer and in another paper's code; two in a row are the answer.
      const telling = releaseText(slug, solution).solutions.flatMap((block) => {
        const lines = oneSpaced(block.split("\n")).filter((line) => line !== "");
        return lines
          .slice(1)
          .map((line, i) => `${lines[i]} ${line}`)
          .filter((pair) => pair.length >= 60);
      });
      expect(telling.length, slug).to.be.above(0);
      const { exercises } = await loadGraded(slug);
      const hints = exercises.flatMap(({ hint, tests }) => [hint, ...tests.map((test) => test.hint)]);
      for (const [file, content] of everything) {
        for (const line of telling) expect(content.includes(line), `${file}: ${line}`).to.equal(false);
        // Identities are shown in the lessons, hints and all.
        if (file.startsWith("lib/identities/")) continue;
        for (const hint of hints) {
          if (hint !== undefined) expect(content.includes(hint), `${file}: ${hint}`).to.equal(false);
        }
      }
    }
  });

  it("notebooks come without outputs", () => {
    for (const file of files.filter((name) => name.endsWith(".ipynb"))) {
      const { cells } = JSON.parse(text(file)) as { cells: { cell_type: string; outputs?: unknown[] }[] };
      expect(
        cells.flatMap(({ outputs = [] }) => outputs),
        file,
      ).to.deep.equal([]);
    }
  });
});

describe("writeHandout, of a small workbook", () => {
  let folder = "";
  const at = (file: string) => path.join(folder, file);
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };
  const notebook = (source: string) =>
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: [
        {
          cell_type: "code",
          id: "a",
          metadata: {},
          execution_count: 3,
          source,
          outputs: [{ output_type: "stream", name: "stdout", text: "42" }],
        },
      ],
    });
  const lesson = { slug: "start-here", exercises: [] };
  const answer = "  return tf.div(tf.exp(scores), tf.sum(tf.exp(scores), 1, true));\n";

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-handout-"));
    for (const file of ["LICENSE", "package-lock.json", "tsconfig.json", ".npmrc", ".gitignore"])
      write(file, "x\n");
    write("exercises/tsconfig.json", "{}");
    write("package.json", '{"scripts":{"start":"s","lint":"l"},"mocha":{}}');
    write("lib/a.ts", "export {};\n");
    write("lib/dist/a.js", answer);
    write("lib/.draft/a.ts", answer);
    write("datasets/b.ts", "export {};\n");
    write("notebooks/00-start-here.ipynb", notebook("1 + 1"));
    write("exercises/start-here.ts", `export const f = () => 1; // the instructor's own try\n`);
    write(
      "solutions/start-here.ts",
      `export function f() {\n  // BEGIN SOLUTION\n${answer}  // END SOLUTION\n}\n`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("takes the exercise from the solution, whatever stands in exercises/, and nothing that is built or hidden", () => {
    writeHandout(at("out"), [lesson], folder);
    expect(readFileSync(at("out/exercises/start-here.ts"), "utf8")).to.include('throw new Todo("f")');
    expect(filesBelow(at("out/lib"))).to.deep.equal(["a.ts"]);
    expect(readFileSync(at("out/notebooks/00-start-here.ipynb"), "utf8")).to.not.include("42");
    expect(JSON.parse(readFileSync(at("out/package.json"), "utf8"))).to.deep.equal({
      scripts: { start: "s" },
    });
  });

  it("writes into a new or an empty folder only, and not into what it copies", () => {
    mkdirSync(at("empty"));
    writeHandout(at("empty"), [lesson], folder);
    expect(() => writeHandout(at("empty"), [lesson], folder)).to.throw(
      HandoutError,
      /which holds something$/,
    );
    expect(() => writeHandout(at("lib/out"), [lesson], folder)).to.throw(HandoutError, /outside of lib\//);
    expect(existsSync(at("lib/out"))).to.equal(false);
  });

  it("refuses to go out with a solution in somebody's notebook or file, however it is laid out", () => {
    write(
      "notebooks/00-start-here.ipynb",
      notebook(`const f = () => {\n${answer.replaceAll(", ", ",\n")}\n}`),
    );
    expect(() => writeHandout(at("out"), [lesson], folder)).to.throw(
      HandoutError,
      "notebooks/00-start-here.ipynb holds a solution of start-here; take it out",
    );
    expect(existsSync(at("out"))).to.equal(false);
    write("notebooks/00-start-here.ipynb", notebook("1"));
    write("lib/a.ts", answer);
    expect(() => writeHandout(at("out"), [lesson], folder)).to.throw(
      HandoutError,
      /lib\/a\.ts holds a solution/,
    );
  });
});

describe("a hand-out", () => {
  let folder = "";
  const at = (file: string) => path.join(folder, file);
  const exercise = (name: string) => ({ name, title: `The ${name}`, points: 2 });
  const asked = { exercises: ["f", "g", "width", "gone"].map(exercise), withheld: [] };
  const released = [
    'import { Todo, todo } from "workbook/grading/todo";',
    'export function f(): number {\n  throw new Todo("f");\n}',
    'export function g(): number {\n  throw new Todo("g");\n}',
    'export const width: number = todo("width");\n',
  ].join("\n");

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-handout-"));
    mkdirSync(at("exercises/.released"), { recursive: true });
    for (const name of ["exercises/lesson.ts", handedOut("lesson")]) writeFileSync(at(name), released);
    // Where the exercise's imports are looked for.
    symlinkSync(path.join(root, "node_modules"), at("node_modules"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const edit = (from: string, to: string) =>
    writeFileSync(at("exercises/lesson.ts"), released.replace(from, to));

  it("says which answers are given, to do and missing, and that it cannot tell more", async () => {
    edit('throw new Todo("g");', "return 2;");
    const report = await handoutCheck("lesson", asked, undefined, folder);
    expect(report.exercises.map(({ state }) => state)).to.deep.equal([
      "to do",
      "answered",
      "to do",
      "missing",
    ]);
    expect(report).to.not.have.property("problem");
    const shown = handoutBundle(report);
    for (const text of [String(shown["text/plain"]), String(shown["text/html"])]) {
      expect(text).to.include("1 of 4 answered").and.to.include("graded tests are with your instructor");
      expect(text).to.include("To hand in: save");
    }
  });

  it("says why a file does not compile, with the line", async () => {
    edit('throw new Todo("f");', "return 1 +;");
    const { problem } = await handoutCheck("lesson", asked, undefined, folder);
    expect(problem).to.match(/^exercises\/lesson\.ts:3:\d+: Unexpected token\n/);
    const shown = handoutBundle(await handoutCheck("lesson", asked, undefined, folder));
    expect(shown["text/plain"]).to.include("could not be graded like this").and.to.include("return 1 +;");
  });

  it("a type error lies in its exercise, and leaves the others alone", async () => {
    edit('throw new Todo("g");', 'return "two";');
    const { problem, exercises } = await handoutCheck("lesson", asked, undefined, folder);
    expect(problem).to.equal(undefined);
    expect(exercises.map(({ problems }) => problems.length)).to.deep.equal([0, 1, 0, 0]);
    expect(exercises[1]!.problems[0]).to.match(/^TS2322: Type 'string' is not assignable to type 'number'/);
    const shown = handoutBundle(await handoutCheck("lesson", asked, undefined, folder));
    expect(shown["text/html"]).to.include("its types do not fit").and.to.include("return &quot;two&quot;;");
  });

  it("a withheld import is said to be one", async () => {
    edit("import { Todo", 'import { attention } from "workbook/attention";\nimport { Todo');
    const lesson = { ...asked, withheld: ["workbook/attention"] };
    const { problem } = await handoutCheck("lesson", lesson, undefined, folder);
    expect(problem).to.match(/^exercises\/lesson\.ts:1:.*workbook\/attention/);
  });

  it("a missing and an empty file are said to be so", async () => {
    writeFileSync(at("exercises/lesson.ts"), " \n");
    expect((await handoutCheck("lesson", asked, undefined, folder)).problem).to.match(/: the file is empty$/);
    rmSync(at("exercises/lesson.ts"));
    expect((await handoutCheck("lesson", asked, undefined, folder)).problem).to.match(
      /: the file is missing$/,
    );
  });

  it("answers given in a cell are named, not judged", async () => {
    const report = await handoutCheck("lesson", asked, { g: () => 2 }, folder);
    expect(report.exercises.map(({ name, state }) => [name, state])).to.deep.equal([["g", "answered"]]);
    expect(handoutBundle(report)["text/plain"]).to.include("hand in those of the exercise file");
  });

  it("resets an exercise to what was handed out, and keeps the learner's version", () => {
    expect(reset("lesson", folder)).to.equal(
      "exercises/lesson.ts is as it was released; nothing was changed.",
    );
    edit('throw new Todo("g");', "return 2;");
    const mine = readFileSync(at("exercises/lesson.ts"), "utf8");
    const said = reset("lesson", folder);
    const [, aside] =
      /^exercises\/lesson\.ts is as it was released again; your version is in (\S+\.ts)\.$/.exec(said)!;
    expect(readFileSync(at(aside!), "utf8")).to.equal(mine);
    expect(readFileSync(at("exercises/lesson.ts"), "utf8")).to.equal(released);
    rmSync(at("exercises/lesson.ts"));
    expect(reset("lesson", folder)).to.equal("exercises/lesson.ts is written as it was released.");
  });

  it("resetting forgets the tries: hints wait again", () => {
    mkdirSync(at(".cache/checks"), { recursive: true });
    writeFileSync(at(".cache/checks/lesson.json"), "{}");
    reset("lesson", folder);
    expect(existsSync(at(".cache/checks/lesson.json"))).to.equal(false);
  });
});

/** Lines without the indentation that a place gives them. */
function oneSpaced(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim());
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}
