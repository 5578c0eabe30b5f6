// A line per top-level suite while it runs, failures in full at the end, and the counts in a file for test.mjs.
import { writeFileSync } from "node:fs";
import process from "node:process";
import Mocha from "mocha";

const {
  EVENT_RUN_END,
  EVENT_SUITE_BEGIN,
  EVENT_SUITE_END,
  EVENT_TEST_FAIL,
  EVENT_TEST_PASS,
  EVENT_TEST_PENDING,
} = Mocha.Runner.constants;

export default class Reporter extends Mocha.reporters.Base {
  /** @param {Mocha.Runner} runner @param {Mocha.MochaOptions} options */
  constructor(runner, options) {
    super(runner, options);
    const counts = { passed: 0, failed: 0, skipped: 0 };
    /** @type {Map<string, number>} suite → how many of its tests were skipped */
    const skipped = new Map();
    let [suitePassed, suiteFailed, suiteSkipped, suiteStart] = [0, 0, 0, 0];

    runner.on(EVENT_SUITE_BEGIN, (suite) => {
      if (suite.parent?.root !== true) return;
      [suitePassed, suiteFailed, suiteSkipped, suiteStart] = [0, 0, 0, performance.now()];
    });
    runner.on(EVENT_TEST_PASS, () => {
      counts.passed++;
      suitePassed++;
    });
    runner.on(EVENT_TEST_FAIL, () => {
      counts.failed++;
      suiteFailed++;
    });
    runner.on(EVENT_TEST_PENDING, (test) => {
      counts.skipped++;
      suiteSkipped++;
      const suite = test.parent?.fullTitle() ?? test.title;
      skipped.set(suite, (skipped.get(suite) ?? 0) + 1);
    });
    runner.on(EVENT_SUITE_END, (suite) => {
      if (suite.parent?.root !== true) return;
      const parts = [`${suitePassed} passed`];
      if (suiteFailed > 0) parts.push(`${suiteFailed} FAILED`);
      if (suiteSkipped > 0) parts.push(`${suiteSkipped} skipped`);
      const seconds = ((performance.now() - suiteStart) / 1000).toFixed(1);
      process.stdout.write(`    ${suite.title}: ${parts.join(", ")} (${seconds} s)\n`);
    });
    runner.on(EVENT_RUN_END, () => {
      this.epilogue();
      const { output } = options.reporterOptions ?? {};
      const reasons = [...skipped].map(([suite, count]) => `${count} of "${suite}"`);
      if (output !== undefined) writeFileSync(output, JSON.stringify({ ...counts, reasons }));
    });
  }
}
