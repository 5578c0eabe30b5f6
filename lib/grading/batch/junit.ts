/**
 * JUnit XML, for whoever grades: hidden tests are in it. A suite for each submission, a case for each test; points
 * are properties. It holds no times, so that the same batch gives the same file.
 */

import type { ExerciseReport, TestReport } from "../report.js";
import { type Outcome, statusOf } from "./outcome.js";
import { type Element, xml } from "./xml.js";

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
}

export function junit(outcomes: readonly Outcome[]): string {
  const suites = outcomes.map(suite);
  return xml({
    name: "testsuites",
    attributes: { ...total(suites.map(({ counts }) => counts)) },
    children: suites.map(({ element }) => element),
  });
}

function suite(outcome: Outcome): { readonly element: Element; readonly counts: Counts } {
  const { student, slug, report } = outcome;
  const status = statusOf(outcome);
  const cases =
    status === "graded"
      ? report.exercises.flatMap((exercise) => testCases(slug, exercise))
      : [notGraded(outcome)];
  const has = (name: string) =>
    cases.filter(({ children = [] }) => children.some((child) => (child as Element).name === name)).length;
  const counts = {
    tests: cases.length,
    failures: has("failure"),
    errors: has("error"),
    skipped: has("skipped"),
  };
  const points = report.exercises.flatMap(({ name, points, maxPoints }) => [
    property(`points of ${name}`, points),
    property(`most points of ${name}`, maxPoints),
  ]);
  const score =
    status === "graded" ? [property("score", report.score), property("max_score", report.maxScore)] : [];
  const properties = { name: "properties", children: [property("status", status), ...score, ...points] };
  const name = slug === "" ? student : `${student}: ${slug}`;
  return {
    element: { name: "testsuite", attributes: { name, ...counts }, children: [properties, ...cases] },
    counts,
  };
}

function testCases(slug: string, { name, tests }: ExerciseReport): Element[] {
  return tests.map((test) => ({
    name: "testcase",
    attributes: { classname: `${slug}.${name}`, name: test.sentence },
    children: verdict(test),
  }));
}

function verdict(test: TestReport): Element[] {
  const { state, message, expected, got } = test;
  if (state === "passed") return [];
  const values = expected === undefined || got === undefined ? "" : `\nexpected: ${expected}\ngot: ${got}`;
  if (state === "skipped") return [{ name: "skipped", attributes: { message: firstLine(message) } }];
  // An exercise that nobody answered earns nothing, so it is no skipped test.
  const name = state === "error" ? "error" : "failure";
  return [
    { name, attributes: { message: firstLine(message), type: state }, children: [`${message}${values}`] },
  ];
}

function notGraded(outcome: Outcome): Element {
  const { slug, reason, report } = outcome;
  const status = statusOf(outcome);
  const name = status === "missing" ? "skipped" : "error";
  const attributes = { message: firstLine(report.message), ...(name === "error" ? { type: reason } : {}) };
  return {
    name: "testcase",
    attributes: { classname: slug === "" ? "submission" : slug, name: status },
    children: [{ name, attributes, children: name === "error" ? [report.message] : [] }],
  };
}

function property(name: string, value: string | number): Element {
  return { name: "property", attributes: { name, value } };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}

function total(all: readonly Counts[]): Counts {
  const sum = (key: keyof Counts) => all.reduce((so, counts) => so + counts[key], 0);
  return { tests: sum("tests"), failures: sum("failures"), errors: sum("errors"), skipped: sum("skipped") };
}
