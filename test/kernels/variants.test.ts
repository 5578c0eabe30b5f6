import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { catalog } from "workbook/catalog";
import type { Benchmark } from "workbook/measure/scaling";
import { onGpu, read } from "./on-gpu.js";

/** No multiple of a chunk, so that a rest remains everywhere; decoding is measured in pieces of 1,024 keys. */
const length = (slug: string) => (slug === "lean-attention" ? 2048 : 66);

/** float32 sums in another order; retention's normalisation divides by small numbers. */
const rounding = { tolerance: 2e-5, because: "float32 sums of 66 terms in another order" };

type Results = Awaited<ReturnType<typeof read>>[];

async function results({ make }: Benchmark, T: number): Promise<Results> {
  const { run, dispose } = await make(T);
  const tensors = tensorsIn(run());
  const numbers = await Promise.all(tensors.map(read));
  for (const tensor of tensors) tensor.dispose();
  dispose?.();
  return numbers;
}

/** The tensors of a result: of itself, or of a state and what else it holds. */
function tensorsIn(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}

onGpu("kernels/variants: every form that is measured gives on a GPU what it gives on the CPU", () => {
  const benchmarks: { readonly name: string; readonly benchmark: Benchmark }[] = [];
  const expected = new Map<string, Results>();

  before(async () => {
    for (const { slug } of catalog) {
      const all = (await import(`workbook/bench/${slug}`)) as { readonly benchmarks: readonly Benchmark[] };
      all.benchmarks.forEach((benchmark, i) => {
        benchmarks.push({ name: `${slug} ${i}: ${benchmark.label}`, benchmark });
      });
    }
    await useBackend("tensorflow").catch(() => useBackend("cpu"));
    for (const { name, benchmark } of benchmarks)
      expected.set(name, await results(benchmark, length(name.split(" ")[0]!)));
    await useBackend("webgpu");
  });

  for (const { slug } of catalog) {
    it(slug, async () => {
      const own = benchmarks.filter(({ name }) => name.startsWith(`${slug} `));
      expect(own).to.not.be.empty;
      for (const { name, benchmark } of own) {
        const right = expected.get(name)!;
        const got = await results(benchmark, length(slug));
        expect(got.length, name).to.equal(right.length);
        got.forEach((one, i) => {
          assertClose(one, right[i]!, rounding, name);
        });
      }
    });
  }
});
