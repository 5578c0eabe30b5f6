// A line per top-level suite while it runs, failures in full at the end, and the counts in a file for test.mjs.
// A test or hook says why it skips with `this.skipReason = "no GPU"; this.skip()`.
import { writeFileSync } from "node:fs";
import process from "node:process";
import Mocha from "mocha";

const event = Mocha.Runner.constants;

export default class Reporter extends Mocha.reporters.Base {
  /**
   * @param {Mocha.Runner} runner
   * @param {Mocha.MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    const all = { passed: 0, failed: 0, skipped: 0 };
    let suite = { ...all, started: 0 };
    /** @type {Map<string, Map<string, number>>} reason → suite → tests skipped there */
    const skipped = new Map();
    const count = (/** @type {keyof typeof all} */ what) => {
      all[what]++;
      suite[what]++;
    };

    runner.on(event.EVENT_TEST_PASS, () => count("passed"));
    runner.on(event.EVENT_TEST_FAIL, () => count("failed"));
    runner.on(event.EVENT_TEST_PENDING, (test) => {
      count("skipped");
      const reason = String(test.parent?.ctx?.skipReason ?? "no reason given");
      const suites = skipped.get(reason) ?? new Map();
      const title = test.parent?.fullTitle() ?? test.title;
      skipped.set(reason, suites.set(title, (suites.get(title) ?? 0) + 1));
    });
    runner.on(event.EVENT_SUITE_BEGIN, ({ parent }) => {
      if (parent?.root === true) suite = { passed: 0, failed: 0, skipped: 0, started: performance.now() };
    });
    runner.on(event.EVENT_SUITE_END, ({ parent, title }) => {
      if (parent?.root !== true) return;
      const { passed, failed, skipped } = suite;
      const parts = [
        `${passed} passed`,
        failed > 0 && `${failed} FAILED`,
        skipped > 0 && `${skipped} skipped`,
      ];
      const seconds = ((performance.now() - suite.started) / 1000).toFixed(1);
      process.stdout.write(`    ${title}: ${parts.filter(Boolean).join(", ")} (${seconds} s)\n`);
    });
    runner.on(event.EVENT_RUN_END, () => {
      this.epilogue();
      const reasons = [...skipped].map(([reason, suites]) => {
        return `${reason}: ${[...suites].map(([title, tests]) => `${tests} of "${title}"`).join(", ")}`;
      });
      const { output } = options.reporterOptions ?? {};
      if (output !== undefined) writeFileSync(output, JSON.stringify({ ...all, reasons }));
    });
  }
}
