/** `workbook doctor`: what is there, what is missing, how to get it. */

import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Command } from "../cli.js";
import { root } from "../root.js";

interface Check {
  readonly name: string;
  readonly state: "ok" | "missing" | "broken" | "optional";
  readonly found: string;
  readonly remedy?: string;
}

interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** lib/setup/doctor.mjs, plain JavaScript because it must also run when this file cannot be compiled. */
interface Doctor {
  diagnose(): Promise<Diagnosis>;
  formatDiagnosis(diagnosis: Diagnosis): string;
}

export const command: Command = {
  summary: "says what is there, what is missing and how to get it",
  usage: "workbook doctor [--json]",
  async main(args) {
    const { values } = parseArgs({ args, options: { json: { type: "boolean" } } });
    const file = path.join(root, "lib/setup/doctor.mjs");
    const doctor = (await import(pathToFileURL(file).href)) as Doctor;
    const diagnosis = await doctor.diagnose();
    process.stdout.write(
      values.json === true ? `${JSON.stringify(diagnosis, null, 2)}\n` : doctor.formatDiagnosis(diagnosis),
    );
    return diagnosis.ok ? 0 : 1;
  },
};
