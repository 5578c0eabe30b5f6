/** One silent mocha run over suites made in code, each test inside a tensor scope of its own. */

import * as tf from "@tensorflow/tfjs";
import Mocha from "mocha";

export interface PlannedTest {
  readonly title: string;
  /** `isOver` turns true once mocha has moved on, which a test that ran out of time may outlive. */
  readonly run: (isOver: () => boolean) => Promise<void>;
}

export interface PlannedSuite {
  readonly title: string;
  readonly tests: readonly PlannedTest[];
}

/** What each test threw; undefined for one that passed. A test that was not run has no entry. */
export type Errors = ReadonlyMap<PlannedTest, unknown>;

/** @throws what a hook threw, which is a mistake of the judge. */
export async function runSuites(suites: readonly PlannedSuite[], timeout: number): Promise<Errors> {
  // A run writes these two process-wide: handing back what stands there leaves an outer mocha's choice alone.
  const { hideDiff, inlineDiffs } = Mocha.reporters.Base as unknown as Readonly<Record<string, boolean>>;
  const mocha = new Mocha({ reporter: Silent, timeout, diff: !hideDiff, inlineDiffs });
  const planned = new Map<unknown, PlannedTest>();
  let over = () => {};
  for (const { title, tests } of suites) {
    const suite = Mocha.Suite.create(mocha.suite, title);
    for (const test of tests) {
      const run = () => {
        let isOver = false;
        over = () => {
          isOver = true;
        };
        return test.run(() => isOver);
      };
      const mochaTest = new Mocha.Test(test.title, run);
      planned.set(mochaTest, test);
      suite.addTest(mochaTest);
    }
  }
  const scope = tensorScope();
  mocha.suite.beforeEach(scope.open);
  mocha.suite.afterEach(() => {
    over();
    scope.close();
  });
  const errors = new Map<PlannedTest, unknown>();
  const broken: unknown[] = [];
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    const note = (runnable: unknown, error?: unknown) => {
      const test = planned.get(runnable);
      if (test === undefined) broken.push(error);
      else errors.set(test, error);
    };
    runner.on("pass", (test) => note(test));
    // A test can pass and then fail, when something it left behind throws: the failure stands.
    runner.on("fail", note);
  });
  mocha.dispose();
  if (broken.length > 0) throw broken[0];
  return errors;
}

/** A reporter that reports nothing: mocha wants one, and its own all print. */
class Silent extends Mocha.reporters.Base {}

function tensorScope() {
  const engine = tf.engine();
  let outer = 0;
  return {
    open: () => {
      outer = engine.state.scopeStack.length;
      engine.startScope();
    },
    // More than one may be open after a test that ran out of time.
    close: () => {
      while (engine.state.scopeStack.length > outer) engine.endScope();
    },
  };
}
