/** Follows how many bytes of tensors are alive, by wrapping the two methods through which tfjs's engine tracks them. */

import * as tf from "@tensorflow/tfjs";

/** Bytes of one tensor: complex numbers are two floats, booleans one byte; strings are not counted. */
export function tensorBytes({ shape, dtype }: tf.TensorInfo): number {
  const each = dtype === "complex64" ? 8 : dtype === "bool" ? 1 : dtype === "string" ? 0 : 4;
  return shape.reduce((a, b) => a * b, each);
}

export interface LiveBytes {
  /** To be called when a kernel starts: until `leaveKernel`, new tensors are its scratch and have no bytes. */
  enterKernel(): void;
  /** The kernel's outputs count from here on. `source` is the input whose memory they share, if they are views. */
  leaveKernel(outputs: readonly tf.TensorInfo[], source: tf.TensorInfo | undefined): void;
  /** Stops following and returns the peak, in bytes above the level at the start. */
  stop(): number;
}

/** Memory that tensors share; what existed before the start has no bytes of its own here. */
interface Storage {
  bytes: number;
  tensors: number;
}

/**
 * Starts following. Tensors that existed before count nothing, even when they are disposed of meanwhile.
 *
 * tfjs's own `numBytes` counts a clone or a reshaped tensor a second time; this counts its memory once. Scratch
 * inside a kernel is left out because backends differ in how much of it the engine sees.
 */
export function followLiveBytes(): LiveBytes {
  const engine = tf.engine();
  // By type as well: one backend casts losslessly in place, another copies, and the counts must not tell which.
  const storages = new WeakMap<object, Partial<Record<tf.DataType, Storage>>>();
  const storageOf = ({ dataId, dtype }: tf.TensorInfo) => storages.get(dataId)?.[dtype];
  const store = ({ dataId, dtype }: tf.TensorInfo, storage: Storage) => {
    storages.set(dataId, { ...storages.get(dataId), [dtype]: storage });
    return storage;
  };
  const original = { trackTensor: engine.trackTensor, disposeTensor: engine.disposeTensor };
  let [live, peak, inKernel] = [0, 0, false];

  /** Changes a storage, and the level with it: it is alive while a tensor uses it. */
  const change = (storage: Storage, tensors: number, bytes = storage.bytes) => {
    if (storage.tensors > 0) live -= storage.bytes;
    storage.tensors = tensors;
    storage.bytes = bytes;
    if (storage.tensors > 0) live += storage.bytes;
    if (!inKernel) peak = Math.max(peak, live);
  };

  engine.trackTensor = (tensor, backend) => {
    const older = engine.state.tensorInfo.get(tensor.dataId)?.dtype === tensor.dtype;
    const bytes = inKernel || older ? 0 : tensorBytes(tensor);
    const storage = storageOf(tensor) ?? store(tensor, { bytes, tensors: 0 });
    change(storage, storage.tensors + 1);
    original.trackTensor.call(engine, tensor, backend);
  };
  engine.disposeTensor = (tensor) => {
    const storage = storageOf(tensor);
    if (storage !== undefined && storage.tensors > 0) change(storage, storage.tensors - 1);
    original.disposeTensor.call(engine, tensor);
  };

  return {
    enterKernel() {
      inKernel = true;
    },
    leaveKernel(outputs, source) {
      inKernel = false;
      for (const output of outputs) {
        // Undefined where a backend hands out what the engine has yet to track: that is tracked as any new tensor.
        const own = storageOf(output);
        if (own === undefined || output.dataId === source?.dataId) continue;
        if (source === undefined) {
          change(own, own.tensors, tensorBytes(output));
        } else {
          const shared = store(output, storageOf(source) ?? store(source, { bytes: 0, tensors: 0 }));
          change(shared, shared.tensors + own.tensors);
        }
      }
    },
    stop() {
      engine.trackTensor = original.trackTensor;
      engine.disposeTensor = original.disposeTensor;
      return peak;
    },
  };
}
