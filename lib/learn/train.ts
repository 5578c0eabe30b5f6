/** The training loop: batches in, losses out, progress shown on the way. */

import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { ensure } from "../shapes.js";
import type { Optimiser } from "./adamw.js";
import type { Params } from "./language-model.js";
import type { Point, Reference } from "./loss-curve.js";
import { duration, reporter } from "./progress.js";
import type { Schedule } from "./schedule.js";

export interface TrainOptions<B extends tf.TensorContainer> {
  readonly params: Params;
  /**
   * The batch of a step: a function of the step alone, so that a run can be repeated and resumed. Its tensors are
   * disposed after use.
   */
  readonly batch: (step: number) => B;
  /** The loss to be lowered, a function of the parameters too. */
  readonly loss: (batch: B) => tf.Scalar;
  readonly optimiser: Optimiser;
  readonly learningRate: number | Schedule;
  /** Steps in all, those before `firstStep` included. */
  readonly steps: number;
  /** Where a resumed run goes on; 0 unless given. */
  readonly firstStep?: number;
  /** The loss on data that is not trained on; measured at the end, and every `evaluateEvery` steps where that is given. */
  readonly evaluate?: () => number | Promise<number>;
  readonly evaluateEvery?: number;
  /** Stops after the step that passes this many seconds; the one thing that makes a run depend on the machine. */
  readonly budgetSeconds?: number;
  readonly label?: string;
  /** Items in a batch, and what they are called: for the rate that is shown. */
  readonly itemsPerStep?: number;
  readonly unit?: string;
  /** Lines to beat, drawn across the loss curve. */
  readonly references?: readonly Reference[];
}

export interface History {
  /** The loss of each step's batch before that step, with steps counted from 1. */
  readonly training: readonly Point[];
  readonly validation: readonly Point[];
  /** Wall time, evaluation included. */
  readonly seconds: number;
  /** Items per second of training, evaluation not included. */
  readonly rate: number;
  /** True when `budgetSeconds` ended the run before its last step. */
  readonly outOfTime: boolean;
}

/**
 * Trains in place, yielding to the event loop after every step. The same seed and backend give the same losses.
 *
 * @throws RangeError when a loss is not finite; the parameters stay as they were before that step.
 */
export async function train<B extends tf.TensorContainer>(options: TrainOptions<B>): Promise<History> {
  const { batch, learningRate, steps, firstStep = 0, evaluate, evaluateEvery = steps } = options;
  const { budgetSeconds = Number.POSITIVE_INFINITY, itemsPerStep = 1 } = options;
  const { label = "training", unit = "steps", references = [] } = options;
  ensure(
    Number.isInteger(steps) && steps > firstStep,
    `train: expected more steps than the ${firstStep} already done, got ${steps}`,
  );
  const schedule = typeof learningRate === "number" ? () => learningRate : learningRate;
  const [training, validation]: [Point[], Point[]] = [[], []];
  const show = reporter();
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  let step = firstStep;
  let evaluating = 0;
  let over = false;
  const progress = (ended?: string) => {
    const rate = (training.length * itemsPerStep) / (seconds() - evaluating);
    const secondsLeft = (seconds() / training.length) * (steps - step);
    return { label, step, steps, secondsLeft, rate, unit, training, validation, references, ended };
  };

  while (!over) {
    const loss = await trainStep(options, batch(step), schedule(step));
    step++;
    if (!Number.isFinite(loss)) {
      show.finish(progress(`the loss became ${loss}`));
      throw new RangeError(`train: expected a finite loss, got ${loss} at step ${step}`);
    }
    training.push({ step, loss });
    over = step === steps || seconds() >= budgetSeconds;
    if (evaluate !== undefined && (over || step % evaluateEvery === 0)) {
      const before = seconds();
      validation.push({ step, loss: await evaluate() });
      evaluating += seconds() - before;
    }
    show.update(progress());
    await setImmediate();
  }
  const result = { training, validation, seconds: seconds(), rate: progress().rate, outOfTime: step < steps };
  show.finish(progress(`${result.outOfTime ? "out of time after" : "done in"} ${duration(result.seconds)}`));
  return result;
}

/** One update, and the loss before it; no update where that is not finite. */
async function trainStep<B extends tf.TensorContainer>(
  { params, loss, optimiser }: TrainOptions<B>,
  data: B,
  learningRate: number,
): Promise<number> {
  const { value, grads } = tf.variableGrads(() => loss(data), Object.values(params));
  const current = (await value.data())[0]!;
  if (Number.isFinite(current)) {
    // tfjs keys gradients by its own names, and leaves null where a parameter plays no part.
    const found = Object.entries(params).flatMap(([name, parameter]) => {
      const gradient: tf.Tensor | null = grads[parameter.name] ?? null;
      return gradient === null ? [] : [[name, gradient] as const];
    });
    optimiser.step({ gradients: Object.fromEntries(found), learningRate });
  }
  tf.dispose([data, value, grads]);
  return current;
}
