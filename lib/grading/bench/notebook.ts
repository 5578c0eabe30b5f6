/** The lesson of the benchmark as nbgrader grades it: the same two exercises and five tests, in Python with numpy. */

import type { Kind } from "./class.js";

interface Cell {
  readonly id: string;
  readonly source: string;
  readonly grade?: boolean;
  readonly solution?: boolean;
  readonly points?: number;
}

const softmax = `def softmax(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)`;
const pairs = `def causal_pairs(T):
    return T * (T + 1) / 2`;

const answers: Readonly<Record<Kind, readonly [softmax: string, pairs: string]>> = {
  right: [softmax, pairs],
  wrong: [
    softmax.replace("scores.max(axis=1, keepdims=True)", "scores.max()"),
    pairs.replace("T * (T + 1) / 2", "T * T"),
  ],
  stub: [
    "def softmax(scores):\n    raise NotImplementedError()",
    "def causal_pairs(T):\n    raise NotImplementedError()",
  ],
  "type error": [softmax, pairs.replace("T * (T + 1) / 2", 'f"{T * (T + 1) / 2}"')],
  "syntax error": [softmax.replace("np.exp(shifted)", "np.exp(shifted"), pairs],
  hanging: [softmax, pairs.replace("return T * (T + 1) / 2", "while True:\n        T += 1")],
};

const tests = {
  rows: `weights = softmax(random.normal(size=(5, 7)))
assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)`,
  formula: `scores = 2 * random.normal(size=(4, 6))
expected = np.array([[np.exp(x) for x in row] for row in scores])
assert np.allclose(softmax(scores), expected / expected.sum(axis=1, keepdims=True), atol=1e-5)`,
  large: `scores = 1000 + random.normal(size=(3, 5))
powers = np.exp(scores - scores.max(axis=1, keepdims=True))
assert np.allclose(softmax(scores), powers / powers.sum(axis=1, keepdims=True), atol=1e-5)`,
  small: `assert causal_pairs(1) == 1
assert causal_pairs(2) == 3`,
  counted: `T = int(random.integers(10, 60))
assert causal_pairs(T) == sum(1 for q in range(T) for k in range(q + 1))`,
};

/** A notebook with nbgrader's marks in it, answered in that way. */
export function pythonNotebook(kind: Kind): string {
  const [first, second] = answers[kind];
  const cells: Cell[] = [
    { id: "imports", source: "import numpy as np\nrandom = np.random.default_rng(1)" },
    { id: "softmax", source: `${solutionMark(kind, first)}`, solution: true },
    ...(["rows", "formula", "large"] as const).map((id) => ({
      id,
      source: tests[id],
      grade: true,
      points: 1,
    })),
    { id: "pairs", source: `${solutionMark(kind, second)}`, solution: true },
    ...(["small", "counted"] as const).map((id) => ({ id, source: tests[id], grade: true, points: 1 })),
  ];
  return JSON.stringify({
    cells: cells.map(asCell),
    metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } },
    nbformat: 4,
    nbformat_minor: 5,
  });
}

function solutionMark(kind: Kind, code: string): string {
  return kind === "stub" ? `# YOUR CODE HERE\n${code}` : code;
}

function asCell({ id, source, grade = false, solution = false, points }: Cell) {
  const nbgrader = {
    ...{ grade, grade_id: id, locked: grade, schema_version: 3, solution, task: false },
    ...(points === undefined ? {} : { points }),
  };
  const metadata = grade || solution ? { nbgrader } : {};
  return { cell_type: "code", execution_count: null, id, metadata, outputs: [], source };
}
