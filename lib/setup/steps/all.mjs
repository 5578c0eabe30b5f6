// The steps, each after what it needs.
import { places } from "../places.mjs";
import { bindingStep } from "./binding.mjs";
import { kernelspecStep } from "./kernelspec.mjs";
import { libraryStep } from "./library.mjs";
import { packagesStep } from "./packages.mjs";
import { jupyterStep, pythonStep } from "./python.mjs";
import { tensorflowStep } from "./tensorflow.mjs";

/** Steps that must be done for each purpose; the others only make it faster. */
export const neededFor = {
  start: ["packages", "library", "python", "jupyter", "kernelspec"],
  test: ["packages", "library"],
};

/** @returns {import("../run-steps.mjs").Step[]} */
export function allSteps(at = places()) {
  return [
    packagesStep(at),
    pythonStep(at),
    tensorflowStep(at),
    jupyterStep(at),
    kernelspecStep(at),
    libraryStep(at),
    bindingStep(at),
  ];
}
