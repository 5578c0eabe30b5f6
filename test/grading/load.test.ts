import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { LoadError, loadTypeScript } from "workbook/grading/load";
import { random } from "workbook/random";

describe("loadTypeScript", () => {
  let folder = "";
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const message = async (file: string) => {
    try {
      await loadTypeScript(file);
    } catch (error) {
      expect(error).to.be.instanceOf(LoadError);
      return (error as Error).message.replaceAll(`${folder}${path.sep}`, "");
    }
    return "it loaded";
  };

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-load-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("gives exports that share this process's packages: one tfjs, one library", async () => {
    const file = write(
      "share.ts",
      `import * as tf from "@tensorflow/tfjs";
      import { random } from "workbook/random";
      export const one: tf.Tensor = tf.scalar(1), same = random;`,
    );
    const { exports } = await loadTypeScript(file);
    expect(exports.one).to.be.instanceOf(tf.Tensor);
    expect(exports.same).to.equal(random);
    tf.dispose(exports.one as tf.Tensor);
  });

  it("shares them with files inside the repository too, whose tsconfig.json maps them to sources", async () => {
    const text = 'import { random } from "workbook/random"; export const same = random;';
    const { exports } = await loadTypeScript("exercises/no-such-lesson.ts", text);
    expect(exports.same).to.equal(random);
  });

  it("evaluates afresh when the file or a local import changed, and only then", async () => {
    write("part.ts", "export const part: number = 1;");
    const file = write("whole.ts", 'import { part } from "./part.js"; export const made = { part };');
    const first = await loadTypeScript(file);
    expect((await loadTypeScript(file)).exports.made).to.equal(first.exports.made);
    write("part.ts", "export const part: number = 2;");
    expect((await loadTypeScript(file)).exports.made).to.deep.equal({ part: 2 });
  });

  it("tells where a syntax error is, with the line and a mark under the place", async () => {
    const file = write("syntax.ts", "export const a = 1;\nexport const b = 2 3;\n");
    expect(await message(file)).to.equal(
      'syntax.ts:2:20: Expected ";" but found "3"\n  2 | export const b = 2 3;\n                         ^'.replace(
        "                         ^",
        `${" ".repeat(6 + 19)}^`,
      ),
    );
  });

  it("counts columns in characters, not bytes", async () => {
    expect(await message(write("bytes.ts", 'const φ = "αβγ" 3;'))).to.match(/^bytes\.ts:1:17: /);
  });

  it("names the imported file when the mistake is there", async () => {
    write("broken.ts", "export const = 3;");
    const file = write("imports.ts", 'export { x } from "./broken.js";');
    expect(await message(file)).to.match(/^broken\.ts:1:14: /);
  });

  it("a file that is missing, empty, a folder, or imports or throws what it should not: one clear message", async () => {
    expect(await message(path.join(folder, "none.ts"))).to.equal("none.ts: there is no such file");
    expect(await message(write("empty.ts", " \n"))).to.equal("empty.ts: the file is empty");
    mkdirSync(path.join(folder, "folder.ts"));
    expect(await message(path.join(folder, "folder.ts"))).to.equal("folder.ts: it is a folder");
    const local = await message(write("local.ts", 'import { x } from "./nope.js"; export { x };'));
    expect(local).to.match(/^local\.ts:1:19: Could not resolve "\.\/nope\.js"/);
    const packaged = await message(write("packaged.ts", 'import x from "no-such-package"; export { x };'));
    expect(packaged).to.match(
      /^packaged\.ts:1:15: threw while it was loaded: Error: Cannot find module 'no-such-package'/,
    );
    const throwing = await message(write("throws.ts", "export const a = 1;\nthrow new RangeError('top');"));
    expect(throwing).to.equal("throws.ts:2:7: threw while it was loaded: RangeError: top");
  });

  it("locates an error of a loaded function in its source", async () => {
    write(
      "deep.ts",
      "interface Unused {\n  a: string;\n}\n\nexport function deep(): never {\n  throw new Error('x');\n}",
    );
    const file = write(
      "shallow.ts",
      'import { deep } from "./deep.js";\nexport const shallow = () => deep();',
    );
    const { exports, locate } = await loadTypeScript(file);
    try {
      (exports.shallow as () => void)();
      expect.fail("it should throw");
    } catch (error) {
      expect(locate(error)).to.equal(`${path.join(folder, "deep.ts")}:6:9`);
    }
    expect(locate(new Error("from elsewhere"))).to.equal(undefined);
    expect(locate("no error")).to.equal(undefined);
  });
});
