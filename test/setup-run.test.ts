import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { afterEach, before, beforeEach, describe, it } from "mocha";
import { setupModule } from "./setup-module.js";

interface Step {
  readonly name: string;
  readonly title: string;
  readonly needs: readonly string[];
  readonly after?: readonly string[];
  readonly without: string;
  readonly isDone: () => boolean;
  readonly skip?: () => string | undefined;
  readonly run: () => Promise<void>;
}

interface Outcome {
  readonly name: string;
  readonly state: string;
  readonly why?: string;
}

interface Listener {
  readonly started: (step: Step) => void;
  readonly finished: (step: Step, outcome: Outcome, message?: string) => void;
}

describe("set-up: the order of steps", () => {
  let runSteps: (steps: readonly Step[], listener: Listener) => Promise<Map<string, Outcome>>;
  let outstanding: (steps: readonly Step[]) => string[];
  const log: string[] = [];
  const messages: string[] = [];
  const listener: Listener = {
    started: ({ name }) => log.push(`start ${name}`),
    finished: ({ name }, { state }, message) => {
      log.push(`${state} ${name}`);
      if (message !== undefined) messages.push(message);
    },
  };

  before(async () => {
    ({ runSteps, outstanding } = await setupModule<{
      runSteps: typeof runSteps;
      outstanding: typeof outstanding;
    }>("run-steps.mjs"));
  });
  beforeEach(() => {
    log.length = 0;
    messages.length = 0;
  });

  const step = (name: string, rest: Partial<Step> = {}): Step => ({
    name,
    title: name,
    needs: [],
    without: "less works.",
    isDone: () => false,
    run: async () => {},
    ...rest,
  });
  const fails = async () => {
    throw new Error("The disk is full.");
  };
  const states = (outcomes: Map<string, Outcome>) => [...outcomes.values()].map(({ state }) => state);

  it("runs side by side what can be, and the rest after what it needs", async () => {
    let release = () => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const outcomes = await runSteps(
      [
        step("slow", { run: () => slow }),
        step("quick", { run: async () => release() }),
        step("last", { needs: ["slow", "quick"] }),
      ],
      listener,
    );
    expect(states(outcomes)).to.deep.equal(["ran", "ran", "ran"]);
    expect(log.indexOf("start quick")).to.be.lessThan(log.indexOf("ran slow"));
    expect(log.indexOf("start last")).to.be.greaterThan(log.indexOf("ran slow"));
  });

  it("leaves alone what is done or not wanted", async () => {
    let ran = 0;
    const run = async () => {
      ran++;
    };
    const steps = [
      step("done", { isDone: () => true, run }),
      step("unwanted", { skip: () => "not here", run }),
      step("open", { run }),
    ];
    expect(outstanding(steps)).to.deep.equal(["open"]);
    expect(states(await runSteps(steps, listener))).to.deep.equal(["done", "skipped", "ran"]);
    expect(ran).to.equal(1);
  });

  it("counts as done what is done, though something it once needed has gone since", async () => {
    const steps = [step("gone", { run: fails }), step("there", { needs: ["gone"], isDone: () => true })];
    expect(states(await runSteps(steps, listener))).to.deep.equal(["failed", "done"]);
  });

  it("goes on after a failure with what does not need it, and says why, what to do and what is lost", async () => {
    const outcomes = await runSteps(
      [
        step("broken", { run: fails }),
        step("needy", { needs: ["broken"] }),
        step("later", { after: ["broken"] }),
        step("apart"),
      ],
      listener,
    );
    expect(states(outcomes)).to.deep.equal(["failed", "blocked", "ran", "ran"]);
    expect(outcomes.get("needy")?.why).to.equal("needs broken");
    expect(log.indexOf("start later")).to.be.greaterThan(log.indexOf("failed broken"));
    expect(messages).to.have.length(1);
    expect(messages[0]).to.match(/^The disk is full\. What to do: .+ Until then: less works\.$/);
  });
});

describe("set-up: what a failed program said", () => {
  let lastWords: (output: string) => string;
  before(async () => {
    ({ lastWords } = await setupModule<{ lastWords: typeof lastWords }>("processes.mjs"));
  });

  it("is the reason of a lost connection before everything else", () => {
    const refused =
      "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<x.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/a/\nERROR: No matching distribution found for a";
    expect(lastWords(refused)).to.equal(
      "Failed to establish a new connection: [Errno 111] Connection refused",
    );
  });

  it("is its errors, or else its last lines", () => {
    expect(lastWords("fine\nerror: one\nfine\nerror: two\nbye\n")).to.equal("error: one | error: two");
    expect(lastWords("a\nb\nc\nd\n")).to.equal("b | c | d");
    expect(lastWords("\n")).to.equal("it said nothing");
  });
});

describe("set-up: compiling the library", () => {
  let folder: string;
  let fingerprint: (root: string) => string;
  before(async () => {
    ({ fingerprint } = await setupModule<{ fingerprint: typeof fingerprint }>("build.mjs"));
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-build-"));
    mkdirSync(path.join(folder, "lib/dist"), { recursive: true });
    writeFileSync(path.join(folder, "lib/a.ts"), "1");
    writeFileSync(path.join(folder, "lib/b.ts"), "2");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is due again when a source is changed, added or removed, and not for anything else", () => {
    const first = fingerprint(folder);
    writeFileSync(path.join(folder, "lib/dist/a.js"), "1");
    writeFileSync(path.join(folder, "lib/notes.md"), "1");
    expect(fingerprint(folder)).to.equal(first);
    writeFileSync(path.join(folder, "lib/a.ts"), "longer");
    const changed = fingerprint(folder);
    expect(changed).not.to.equal(first);
    rmSync(path.join(folder, "lib/b.ts"));
    const removed = fingerprint(folder);
    expect(removed).not.to.equal(changed);
    writeFileSync(path.join(folder, "lib/c.ts"), "3");
    expect(fingerprint(folder)).not.to.equal(removed);
  });
});
