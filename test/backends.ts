/** Runs the same tests on several backends. */

import process from "node:process";
import { after, before, type Context, describe } from "mocha";
import { type BackendName, useBackend } from "workbook/backend";

/**
 * Declares `body`'s tests once per backend, under "title (backend)", with that backend current while they run.
 *
 * Where a backend does not load, mocha counts and prints its tests as pending; `REQUIRE_TENSORFLOW=1` and `REQUIRE_GPU=1`
 * fail them. Without `backends`: those whose results can be read synchronously.
 */
export function onEveryBackend(
  title: string,
  body: (backend: BackendName) => void,
  backends: readonly BackendName[] = ["tensorflow", "cpu"],
): void {
  for (const backend of backends) {
    describe(`${title} (${backend})`, function () {
      // Software in place of a GPU takes seconds to compile some kernels.
      if (backend === "webgpu") this.timeout(120_000);
      before(async function () {
        await useBackendOrSkip(this, backend);
      });
      body(backend);
      after(async () => {
        await useBackend();
      });
    });
  }
}

/** Makes a backend current; skips the test or hook, with the reason, where it does not load. */
export async function useBackendOrSkip(context: Context, backend: BackendName): Promise<void> {
  try {
    await useBackend(backend);
  } catch (error) {
    const required = { tensorflow: "REQUIRE_TENSORFLOW", webgpu: "REQUIRE_GPU" }[backend as string];
    if (required === undefined || process.env[required] === "1") throw error;
    context.skipReason = (error as Error).message;
    context.skip();
  }
}
