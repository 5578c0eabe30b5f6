/** The set-up is plain JavaScript outside of what is compiled; its tests load it from where it stands. */

import path from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "workbook/root";

/** A module of lib/setup, with the types that the test says it has. */
export async function setupModule<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(path.join(root, "lib/setup", file)).href)) as T;
}

/** What the set-up throws: the reason, and what to do. */
export interface StepError extends Error {
  readonly remedy: string;
}
