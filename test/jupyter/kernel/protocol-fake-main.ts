/** A kernel with fake parts: `node protocol-fake-main.js CONNECTION_FILE`; they take FAKE_LOAD_MS to load. */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "../../../lib/jupyter/kernel/serve.js";
import { FakeSession, FakeTypes } from "./protocol-fake-parts.js";

await serve(
  { connectionFile: process.argv[2]!, languageVersion: "7.0.2", implementationVersion: "0.0.0" },
  async () => {
    await sleep(Number(process.env.FAKE_LOAD_MS ?? 0));
    return { session: new FakeSession(), types: new FakeTypes() };
  },
);
