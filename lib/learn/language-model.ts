/**
 * A small decoder-only Transformer language model with a pluggable token mixer.
 *
 *   x⁰ = E[token] + PE       x′ = xⁿ + Mix(LN(xⁿ))       xⁿ⁺¹ = x′ + FFN(LN(x′))       logits = LN(xᴺ) W
 *
 * Vaswani et al., 2017, arXiv:1706.03762, sections 3.1 to 3.5, the decoder alone.
 * Identities (test/learn/language-model.test.ts): logits equal a float64 loop, gradients its finite differences; the
 * logits at t ignore every token after t; decoding token by token equals the full pass; a fresh model's loss is ln V.
 * Deviates from the paper: the norm comes before each part and once at the end (Xiong et al., 2020, arXiv:2002.04745),
 * which needs no long warm-up; no dropout, as lessons train for less than one epoch; embedding and output are separate;
 * whatever writes into the residual stream, and the output, starts at zero, so that a fresh model is uniform.
 */

import * as tf from "@tensorflow/tfjs";
import { random } from "../random.js";
import { dims, ensure } from "../shapes.js";
import { type FeedForwardOptions, feedForward, sinusoidalPositions } from "../variants/transformer.js";
import { crossEntropy, embed, normalise } from "./layers.js";
import { type Mixer, softmaxMixer, type Tensors } from "./mixer.js";
import type { Batch } from "./text.js";

export interface LanguageModelConfig {
  /** V, tokens in the vocabulary. */
  readonly vocabulary: number;
  /** C, model width. */
  readonly width: number;
  /** N, blocks. */
  readonly layers: number;
  /** H, heads; divides the width. */
  readonly heads: number;
  /** F, hidden units of the feed-forward network; 4 C unless given. */
  readonly hidden?: number;
  /** Sinusoidal unless given; a mixer that knows the order by itself needs none. */
  readonly positions?: "sinusoidal" | "none";
  /** Softmax attention unless given. */
  readonly mixer?: Mixer;
}

/** A model's parameters by name: `embedding`, `blocks.0.mixer.wq`, `blocks.0.ffn.w1`, ..., `output`. */
export type Params = Readonly<Record<string, tf.Variable>>;

/** Fresh parameters, the same for the same seed. The caller disposes them with `tf.dispose`. */
export function initLanguageModel({
  config,
  seed,
}: {
  config: LanguageModelConfig;
  seed: string | number;
}): Params {
  const { V, C, F, N, heads, mixer } = sizes("initLanguageModel", config);
  const generator = random(seed);
  const normal = (rows: number, columns: number) => generator.normalTensor([rows, columns], rows ** -0.5);
  return tf.tidy(() => {
    const tensors: Record<string, tf.Tensor> = { embedding: generator.normalTensor([V, C]) };
    for (let n = 0; n < N; n++) {
      const mixing = mixer.init({ random: generator, width: C, heads });
      const ffn = { w1: normal(C, F), b1: tf.zeros([F]), w2: tf.zeros([F, C]), b2: tf.zeros([C]) };
      for (const [name, tensor] of Object.entries(mixing)) tensors[`blocks.${n}.mixer.${name}`] = tensor;
      for (const [name, tensor] of Object.entries(ffn)) tensors[`blocks.${n}.ffn.${name}`] = tensor;
    }
    tensors.output = tf.zeros([C, V]);
    return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tf.variable(tensor)]));
  });
}

/** How many numbers training adjusts. */
export function countParameters(params: Params): number {
  return Object.values(params).reduce((total, { size }) => total + size, 0);
}

export interface LogitsOptions {
  readonly config: LanguageModelConfig;
  readonly params: Tensors;
  /** `[B, T]`, int32. */
  readonly tokens: tf.Tensor2D;
}

/** Scores of every next token, `[B, T, V]`. */
export function logits({ config, params, tokens }: LogitsOptions): tf.Tensor3D {
  const { heads, mixer } = sizes("logits", config);
  return tf.tidy(() =>
    stack(config, params, tokens, 0, (x, own) => mixer.forward({ x, params: own, heads })),
  );
}

/** Mean cross-entropy of a batch, nats per token. */
export function languageModelLoss({
  config,
  params,
  batch,
}: {
  config: LanguageModelConfig;
  params: Tensors;
  batch: Batch;
}): tf.Scalar {
  return tf.tidy(() =>
    crossEntropy({
      logits: logits({ config, params, tokens: batch.inputs }),
      targets: batch.targets,
      mask: batch.mask,
    }),
  );
}

/** What decoding token by token carries along. A type rather than an interface, so that `tf.dispose` takes it. */
export type DecodingState = {
  /** Tokens read so far. */
  readonly position: number;
  /** Each layer's mixer state. */
  readonly layers: Record<string, tf.Tensor>[];
};

/** The state before the first token of `batch` sequences. */
export function startDecoding({
  config,
  batch,
}: {
  config: LanguageModelConfig;
  batch: number;
}): DecodingState {
  const { C, N, heads, mixer } = sizes("startDecoding", config);
  const { recurrent } = mixer;
  ensure(recurrent !== undefined, `startDecoding: expected a mixer with a recurrent form, got ${mixer.name}`);
  return {
    position: 0,
    layers: Array.from({ length: N }, () => recurrent.start({ batch, width: C, heads })),
  };
}

/** Reads one token per sequence, `tokens [B, 1]`: logits `[B, 1, V]`, and the state after it. */
export function decodeStep({ config, params, tokens, state }: LogitsOptions & { state: DecodingState }): {
  logits: tf.Tensor3D;
  state: DecodingState;
} {
  const { heads, mixer } = sizes("decodeStep", config);
  ensure(
    tokens.shape[1] === 1,
    `decodeStep: expected tokens of shape [B, 1], got [${tokens.shape.join(", ")}]`,
  );
  return tf.tidy(() => {
    const layers: Record<string, tf.Tensor>[] = [];
    const z = stack(config, params, tokens, state.position, (x, own, n) => {
      const next = mixer.recurrent!.step({
        x,
        params: own,
        heads,
        state: state.layers[n]!,
        position: state.position,
      });
      layers.push(next.state);
      return next.y;
    });
    return { logits: z, state: { position: state.position + 1, layers } };
  });
}

/** Everything but the mixing, which differs between the two passes. */
function stack(
  config: LanguageModelConfig,
  params: Tensors,
  tokens: tf.Tensor2D,
  start: number,
  mix: (x: tf.Tensor3D, params: Tensors, layer: number) => tf.Tensor3D,
): tf.Tensor3D {
  const { V, C, N, positions } = sizes("logits", config);
  const { B, T } = dims("logits", { tokens: [tokens, "B T"] });
  const table = params.embedding as tf.Tensor2D;
  ensure(
    table?.shape[0] === V && table.shape[1] === C,
    `logits: expected an embedding of shape [${V}, ${C}], got [${table?.shape.join(", ")}]`,
  );
  let x = embed({ table, tokens });
  if (positions === "sinusoidal") x = tf.add(x, sinusoidalPositions({ T: T!, C, start }));
  for (let n = 0; n < N; n++) {
    x = tf.add(x, mix(normalise({ x }), under(params, `blocks.${n}.mixer.`), n));
    const weights = under(params, `blocks.${n}.ffn.`) as unknown as Omit<FeedForwardOptions, "x">;
    x = tf.add(x, feedForward({ x: normalise({ x }), ...weights }));
  }
  const rows = tf.reshape(normalise({ x }), [B! * T!, C]);
  return tf.reshape(tf.matMul(rows, params.output as tf.Tensor2D), [B!, T!, V]);
}

/** The tensors whose names start with a prefix, without it. */
function under(params: Tensors, prefix: string): Tensors {
  const own = Object.entries(params).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

function sizes(name: string, config: LanguageModelConfig) {
  const { vocabulary: V, width: C, layers: N, heads, hidden: F = 4 * C } = config;
  for (const [label, size] of Object.entries({ vocabulary: V, width: C, layers: N, heads, hidden: F })) {
    ensure(
      Number.isInteger(size) && size >= 1,
      `${name}: expected ${label} to be a positive integer, got ${size}`,
    );
  }
  ensure(C % heads === 0, `${name}: expected heads that divide the width ${C}, got ${heads}`);
  const { mixer = softmaxMixer, positions = "sinusoidal" } = config;
  return { V, C, N, F, heads, mixer, positions };
}
