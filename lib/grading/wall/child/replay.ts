/** Runs a recorded program on given arguments with tfjs's own kernels, and counts what that takes. */

import * as tf from "@tensorflow/tfjs";
import { count } from "../../../measure/count.js";
import type { Outcome } from "../../invoke.js";
import { fromPlain, type Plain, PlainTensor, tensorsIn, toPlain } from "../../values.js";
import { readProgram, type TraceEvent } from "../messages.js";

/** The program cannot be run; one sentence's end. */
class Rejected extends Error {}

/**
 * The outcome's value is a `Replayed`. What is wrong with the program breaks a rule of answers: it came from the
 * answer's own process.
 */
export async function replay(program: Plain, args: readonly Plain[]): Promise<Outcome> {
  const inputs = args.map(fromPlain);
  let outputs: Plain[] = [];
  try {
    const { events, tensors } = readProgram(program);
    const { flops, peakBytes, uncounted } = await count(() => {
      const alive = new Map(inputs.flatMap(tensorsIn).map((tensor, id) => [id, tensor]));
      for (const event of events) step(event, alive);
      outputs = tensors.map((id) => toPlain(find(alive, id)));
    });
    return { value: { flops, peakBytes, uncounted, outputs } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { broke: `what the answer did with tensors cannot be repeated: ${why}` };
  } finally {
    tf.dispose(inputs.flatMap(tensorsIn));
  }
}

type Alive = Map<number, tf.Tensor>;

function step(event: TraceEvent, alive: Alive): void {
  switch (event[0]) {
    case "make": {
      const [, id, plain] = event;
      if (!(plain instanceof PlainTensor)) throw new Rejected("it makes something that is no tensor");
      add(alive, id, fromPlain(plain) as tf.Tensor);
      return;
    }
    case "free": {
      find(alive, event[1]).dispose();
      alive.delete(event[1]);
      return;
    }
    case "run": {
      const [, kernel, inputs, attrs, ids] = event;
      if (tf.getKernel(kernel, tf.getBackend()) === undefined) {
        throw new Rejected(`it uses an operation named "${kernel}", which tfjs does not have`);
      }
      const outputs = [
        tf.engine().runKernel(kernel, tensorsOf(inputs, alive), attrs as tf.NamedAttrMap),
      ].flat();
      if (outputs.length !== ids.length) throw new Rejected(`"${kernel}" gives ${outputs.length} tensors`);
      ids.forEach((id, i) => {
        add(alive, id, outputs[i]!);
      });
    }
  }
}

function tensorsOf(inputs: Plain, alive: Alive): tf.NamedTensorMap {
  const tensor = (id: Plain) => (id === undefined ? undefined : find(alive, id as number));
  if (Array.isArray(inputs)) return inputs.map(tensor) as unknown as tf.NamedTensorMap;
  const entries = Object.entries(inputs as object).map(([key, id]) => [key, tensor(id as Plain)]);
  return Object.fromEntries(entries) as tf.NamedTensorMap;
}

function find(alive: Alive, id: number): tf.Tensor {
  const tensor = alive.get(id);
  if (tensor === undefined) throw new Rejected("it uses a tensor that is not there, or not any more");
  return tensor;
}

function add(alive: Alive, id: number, tensor: tf.Tensor): void {
  if (alive.has(id)) throw new Rejected("it makes the same tensor twice");
  alive.set(id, tensor);
}
