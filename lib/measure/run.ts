/** Runs what is to be measured or checked, and frees what it leaves. */

import * as tf from "@tensorflow/tfjs";

/** What measuring accepts: returns the tensors (in any container) that must be finished, or a promise of them. */
export type Measured = () => unknown;

/**
 * Calls `fn`, hands its awaited result to `use`, then disposes of every tensor that the call left, returned or not.
 * Inputs that it merely returns stay. Tensors that an asynchronous function makes after its first `await` are its
 * own to free, except those it returns.
 */
export async function released<T, R>(fn: () => T, use: (result: Awaited<T>) => R | Promise<R>): Promise<R> {
  const engine = tf.engine();
  let left: tf.Tensor[] = [];
  let returned: T;
  engine.startScope();
  try {
    returned = fn();
  } finally {
    left = engine.state.activeScope.track.filter((tensor) => !tensor.kept);
    // Handing all of them over keeps them alive, where ending the scope would dispose of a promise's tensors early.
    engine.endScope(left);
  }
  try {
    const result = await returned;
    if (result !== returned) left.push(...tensorsIn(result));
    return await use(result);
  } finally {
    tf.dispose(left);
  }
}

/** Waits until the backend has computed a result, by reading one number of each tensor in it. */
export async function finish(result: unknown): Promise<void> {
  for (const tensor of tensorsIn(result)) {
    if (tensor.size === 0) continue;
    // Reading all of a large result would be timed as well.
    const one = tf.tidy(() => tf.slice(tf.reshape(tensor, [tensor.size]), 0, 1));
    await one.data();
    one.dispose();
  }
}

function tensorsIn(container: unknown): tf.Tensor[] {
  return tf.tensor_util.getTensorsInContainer(container as tf.TensorContainer);
}
