/** Shows a figure under the running cell; in a terminal, its description. */

import { display, isNotebook, type MimeBundle } from "../display.js";
import { liveBundle, plainText, toBundle } from "./bundle.js";
import type { Figure } from "./figure.js";

export interface ShownFigure {
  /** Replaces what is shown, one replacement after the other. */
  update(figure: Figure): Promise<void>;
  /**
   * The same without the static drawing, and so quicker: for a curve that is still growing. End with an `update`,
   * or exports of the notebook show no picture. Callers throttle: a few times a second is plenty.
   */
  preview(figure: Figure): Promise<void>;
}

/** Resolves when the figure is shown, to nothing: a kernel that prints a cell's last value adds nothing. */
export async function show(figure: Figure): Promise<void> {
  await showLive(figure);
}

/** Shows a figure that will be replaced. */
export async function showLive(figure: Figure): Promise<ShownFigure> {
  const handle = display(await forReader(figure, toBundle));
  let last: Promise<void> = Promise.resolve();
  const replace = (next: Figure, bundle: (figure: Figure) => MimeBundle | Promise<MimeBundle>) => {
    // In turn, because drawings may finish out of order; a failed one must not stop those after it.
    last = last.catch(() => {}).then(async () => handle.update(await forReader(next, bundle)));
    return last;
  };
  return {
    update: (next) => replace(next, toBundle),
    preview: (next) => replace(next, liveBundle),
  };
}

/** Nobody sees a picture in a terminal, so none is drawn for it. */
function forReader(
  figure: Figure,
  bundle: (figure: Figure) => MimeBundle | Promise<MimeBundle>,
): MimeBundle | Promise<MimeBundle> {
  return isNotebook() ? bundle(figure) : { "text/plain": plainText(figure) };
}
