/** The language model as float64 loops over plain arrays; shares nothing with the library. */

export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type PlainParams = Record<string, Plain>;

interface Sizes {
  readonly C: number;
  readonly V: number;
  readonly layers: number;
  readonly heads: number;
}

/** Logits `[T][V]` of one sequence. */
export function referenceLogits(
  params: PlainParams,
  tokens: readonly number[],
  { C, V, layers, heads }: Sizes,
): number[][] {
  const at = (name: string, row: number, column: number) => {
    const { shape, data } = params[name]!;
    return data[row * shape[1]! + column]!;
  };
  let x = tokens.map((token, t) =>
    Array.from({ length: C }, (_, c) => {
      const angle = t * 10000 ** (-(2 * Math.floor(c / 2)) / C);
      return at("embedding", token, c) + (c % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }),
  );
  for (let n = 0; n < layers; n++) {
    const linear = (row: number[], name: string) => apply(row, params[`blocks.${n}.${name}`]!);
    const h = x.map(standardise);
    const [q, k, v] = ["wq", "wk", "wv"].map((name) => h.map((row) => linear(row, `mixer.${name}`)));
    x = x.map((row, t) => {
      const mixed = linear(attend(q![t]!, k!, v!, t, heads), "mixer.wo");
      return row.map((value, c) => value + mixed[c]!);
    });
    x = x.map((row) => {
      const bias = (name: string) => params[`blocks.${n}.ffn.${name}`]!.data;
      const hidden = linear(standardise(row), "ffn.w1").map((value, f) =>
        Math.max(0, value + bias("b1")[f]!),
      );
      const out = linear(hidden, "ffn.w2");
      return row.map((value, c) => value + out[c]! + bias("b2")[c]!);
    });
  }
  return x.map((row) => apply(standardise(row), params.output!).slice(0, V));
}

/** Mean nats of the targets under the logits. */
export function referenceLoss(logits: readonly number[][], targets: readonly number[]): number {
  const nats = logits.map((row, t) => {
    const normaliser = Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0));
    return normaliser - row[targets[t]!]!;
  });
  return nats.reduce((a, b) => a + b, 0) / nats.length;
}

function apply(row: readonly number[], { shape, data }: Plain): number[] {
  const [inputs, outputs] = shape as [number, number];
  return Array.from({ length: outputs }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += row[i]! * data[i * outputs + j]!;
    return sum;
  });
}

export function standardise(row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
}

function attend(q: number[], k: number[][], v: number[][], t: number, heads: number): number[] {
  const D = q.length / heads;
  return q.map((_, c) => {
    const first = Math.floor(c / D) * D;
    let [top, bottom] = [0, 0];
    for (let s = 0; s <= t; s++) {
      let score = 0;
      for (let d = first; d < first + D; d++) score += q[d]! * k[s]![d]!;
      const weight = Math.exp(score / Math.sqrt(D));
      top += weight * v[s]![c]!;
      bottom += weight;
    }
    return top / bottom;
  });
}
