/** `workbook doctor`: what is there, what is missing, how to get it. */

import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Command } from "../cli.js";
import { root } from "../root.js";

/** lib/setup/doctor.mjs, plain JavaScript because it must also run when this file cannot be compiled. */
interface Doctor {
  report(options: { json?: boolean }): Promise<number>;
}

export const command: Command = {
  summary: "say what is there, what is missing and how to get it",
  usage: "workbook doctor [--json]",
  async main(args) {
    const { values } = parseArgs({ args, options: { json: { type: "boolean" } } });
    const file = path.join(root, "lib/setup/doctor.mjs");
    const doctor = (await import(pathToFileURL(file).href)) as Doctor;
    return doctor.report(values);
  },
};
