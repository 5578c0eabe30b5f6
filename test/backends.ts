/** Runs the same tests on every backend that loads here. */

import process from "node:process";
import { after, before, type Context, describe } from "mocha";
import { type BackendName, backendNames, useBackend } from "workbook/backend";

/**
 * Declares `body`'s tests once per backend, under "title (backend)", with that backend current while they run.
 *
 * Where a backend does not load, mocha counts and prints its tests as pending; `REQUIRE_TENSORFLOW=1` fails them.
 */
export function onEveryBackend(title: string, body: (backend: BackendName) => void): void {
  for (const backend of backendNames) {
    describe(`${title} (${backend})`, () => {
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
    if (process.env.REQUIRE_TENSORFLOW === "1") throw error;
    context.skipReason = (error as Error).message;
    context.skip();
  }
}
