/** Writes text with a language model, token by token. */

import * as tf from "@tensorflow/tfjs";
import { random } from "../random.js";
import { ensure } from "../shapes.js";
import { decodeStep, type LanguageModelConfig, logits, startDecoding } from "./language-model.js";
import type { Tensors } from "./mixer.js";

export interface GenerateOptions {
  readonly config: LanguageModelConfig;
  readonly params: Tensors;
  /** What the model reads first; at least one token. */
  readonly prompt: ArrayLike<number>;
  /** Tokens to write. */
  readonly length: number;
  /** Divides the logits: 1 samples from the model's own distribution, 0 always takes the likeliest token. */
  readonly temperature?: number;
  readonly seed?: string | number;
}

/**
 * The tokens written after the prompt, each from a full pass over the last `context` tokens. Keep that at most as
 * long as what the model was trained on: it has never seen a later position.
 */
export function generate({ context, ...options }: GenerateOptions & { readonly context: number }): number[] {
  ensure(
    Number.isInteger(context) && context >= 1,
    `generate: expected a context of at least 1 token, got ${context}`,
  );
  const { config, params, prompt, length } = options;
  const pick = sampler("generate", options);
  const tokens = Array.from(prompt);
  for (let n = 0; n < length; n++) {
    const scores = tf.tidy(() => {
      const window = tf.tensor2d([tokens.slice(-context)], undefined, "int32");
      const all = logits({ config, params, tokens: window }); // [1, T, V]
      return tf.slice(all, [0, all.shape[1] - 1, 0]).dataSync();
    });
    tokens.push(pick(scores));
  }
  return tokens.slice(prompt.length);
}

/**
 * The same tokens from the mixer's recurrent form, which reads each token once: with softmax attention, from a
 * key/value cache. Nothing is forgotten, so prompt and length together should not exceed what was trained on.
 */
export function generateRecurrent(options: GenerateOptions): number[] {
  const { config, params, prompt, length } = options;
  const pick = sampler("generateRecurrent", options);
  const tokens = Array.from(prompt);
  let state = startDecoding({ config, batch: 1 });
  // The last token written is never read.
  for (let n = 0; n < prompt.length + length - 1; n++) {
    const input = tf.tensor2d([[tokens[n]!]], undefined, "int32");
    const next = decodeStep({ config, params, tokens: input, state });
    if (n >= prompt.length - 1) tokens.push(pick(next.logits.dataSync()));
    tf.dispose([input, next.logits, state]);
    state = next.state;
  }
  tf.dispose(state);
  return tokens.slice(prompt.length);
}

/** Draws from softmax(scores / temperature), from the likeliest token at temperature 0. */
function sampler(name: string, options: GenerateOptions): (scores: ArrayLike<number>) => number {
  const { prompt, length, temperature = 1, seed = 0 } = options;
  ensure(prompt.length >= 1, `${name}: expected a prompt of at least 1 token, got none`);
  ensure(Number.isInteger(length) && length >= 1, `${name}: expected a length of at least 1, got ${length}`);
  ensure(temperature >= 0, `${name}: expected a temperature of at least 0, got ${temperature}`);
  const { uniform } = random(seed);
  return (scores) => {
    const list = Array.from(scores);
    const best = list.reduce((top, score, token) => (score > list[top]! ? token : top), 0);
    if (temperature === 0) return best;
    const weights = list.map((score) => Math.exp((score - list[best]!) / temperature));
    let rest = uniform() * weights.reduce((a, b) => a + b, 0);
    const chosen = weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
    return chosen === -1 ? best : chosen;
  };
}
