/**
 * Records what one call does with tensors: which kernels ran on what, what came from JavaScript, what was freed.
 *
 * The record is a program that the meter runs again (`replay.ts`); that this realm may forge it is no harm, because
 * only what the meter itself computes and counts is believed.
 */

import * as tf from "@tensorflow/tfjs";
import { type Answers, callAnswer, type Outcome } from "../../invoke.js";
import { fromPlain, Odd, type Plain, tensorsIn, toPlain } from "../../values.js";
import type { TraceEvent } from "../messages.js";

/** Calls the function; the outcome's value is its result and its program. */
export function traceAnswer(answers: Answers, exercise: string, args: readonly Plain[]): Outcome {
  const answer = answers[exercise];
  let returned: unknown;
  const spied = (...values: unknown[]) => {
    returned = (answer as (...values: unknown[]) => unknown)(...values);
    return returned;
  };
  let outcome: Outcome | undefined;
  tf.tidy(() => {
    const values = args.map(fromPlain);
    const recorder = record(values.flatMap(tensorsIn));
    try {
      outcome = callAnswer(typeof answer === "function" ? { [exercise]: spied } : answers, exercise, values);
      if (!("value" in outcome)) return;
      const tensors = tensorsIn(returned).map(recorder.idOf);
      const program = { tensors, events: recorder.events };
      outcome = recorder.broke() ?? { value: { result: outcome.value, program } };
    } finally {
      recorder.stop();
    }
  });
  return outcome!;
}

function record(given: readonly tf.Tensor[]) {
  const engine = tf.engine();
  const events: TraceEvent[] = [];
  const ids = new Map<number, number>();
  /** Variables share a tensor's numbers without any kernel: both have one number, until the last of them goes. */
  const byData = new WeakMap<object, number>();
  const sharers = new Map<number, number>();
  let next = given.length;
  let broke: string | undefined;
  let running = false;
  let awaited: { id: number; info: tf.TensorInfo }[] = [];

  const name = (tensor: tf.Tensor, id: number) => {
    ids.set(tensor.id, id);
    byData.set(tensor.dataId, id);
    sharers.set(id, (sharers.get(id) ?? 0) + 1);
  };
  given.forEach(name);
  const make = (tensor: tf.Tensor): number => {
    const id = next++;
    name(tensor, id);
    const plain = toPlain(tensor);
    if (plain instanceof Odd) broke ??= `the operations on ${plain.what} cannot be counted`;
    events.push(["make", id, plain]);
    return id;
  };
  const idOf = (tensor: tf.Tensor): number => ids.get(tensor.id) ?? byData.get(tensor.dataId) ?? make(tensor);
  const idsOf = (inputs: object): Plain =>
    Array.isArray(inputs)
      ? inputs.map(idOf)
      : Object.fromEntries(
          Object.entries(inputs).map(([key, tensor]) => [key, tensor == null ? undefined : idOf(tensor)]),
        );

  const kernels = tf.getKernelsForBackend(tf.getBackend()).map((kernel) => {
    const original = kernel.kernelFunc;
    kernel.kernelFunc = (params) => {
      // What a kernel runs inside of itself, the meter's does as well.
      if (running) return original(params);
      const inputs = idsOf(params.inputs);
      const attrs = toPlain(params.attrs ?? {});
      running = true;
      try {
        const result = original(params);
        awaited = [result].flat().map((info) => ({ id: next++, info }));
        events.push(["run", kernel.kernelName, inputs, attrs, awaited.map(({ id }) => id)]);
        for (const { id, info } of awaited) if ("id" in info) name(info as tf.Tensor, id);
        return result;
      } finally {
        running = false;
      }
    };
    return () => {
      kernel.kernelFunc = original;
    };
  });
  const { trackTensor, disposeTensor } = engine;
  engine.trackTensor = (tensor, backend) => {
    trackTensor.call(engine, tensor, backend);
    if (running) return;
    const output = awaited.findIndex(({ info }) => info.dataId === tensor.dataId);
    const shared = byData.get(tensor.dataId);
    if (output >= 0) name(tensor, awaited.splice(output, 1)[0]!.id);
    else if (shared !== undefined) name(tensor, shared);
    else make(tensor);
  };
  engine.disposeTensor = (tensor) => {
    const id = ids.get(tensor.id);
    if (id !== undefined && !running) {
      sharers.set(id, sharers.get(id)! - 1);
      if (sharers.get(id) === 0) events.push(["free", id]);
    }
    disposeTensor.call(engine, tensor);
  };
  return {
    events,
    idOf,
    broke: () => (broke === undefined ? undefined : { broke }),
    stop: () => {
      for (const restore of kernels) restore();
      Object.assign(engine, { trackTensor, disposeTensor });
    },
  };
}
