/** Shows a figure under the running cell; in a terminal, its description. */

import { display, isNotebook } from "../display.js";
import { plainText, toBundle } from "./bundle.js";
import type { Figure } from "./figure.js";

export interface ShownFigure {
  /** Replaces what is shown, one replacement after the other. Callers throttle: a few times a second is plenty. */
  update(figure: Figure): Promise<void>;
}

export async function show(figure: Figure): Promise<ShownFigure> {
  // Nobody sees a picture in a terminal, and drawing one costs a third of a second the first time.
  const draw = async (next: Figure) => (isNotebook() ? toBundle(next) : { "text/plain": plainText(next) });
  const handle = display(await draw(figure));
  let last: Promise<void> = Promise.resolve();
  return {
    update: (next) => {
      // In turn, because drawings may finish out of order; a failed one must not stop those after it.
      last = last.catch(() => {}).then(async () => handle.update(await draw(next)));
      return last;
    },
  };
}
