/** What `import * as tslab from "tslab"` gives in this kernel: the same functions, writing to the running cell. */

import { randomUUID } from "node:crypto";
import { currentRun } from "./run.js";

/** Shows one representation of something; `raw` takes any MIME type. */
interface Display {
  javascript(text: string): void;
  html(text: string): void;
  markdown(text: string): void;
  latex(text: string): void;
  svg(text: string): void;
  png(bytes: Uint8Array): void;
  jpeg(bytes: Uint8Array): void;
  gif(bytes: Uint8Array): void;
  pdf(bytes: Uint8Array): void;
  text(text: string): void;
  raw(contentType: string, content: string | Uint8Array): void;
}

function displayOf(show: (data: Record<string, unknown>) => void): Display {
  const raw = (contentType: string, content: string | Uint8Array) =>
    show({ [contentType]: typeof content === "string" ? content : Buffer.from(content).toString("base64") });
  const as = (contentType: string) => (content: string | Uint8Array) => raw(contentType, content);
  return {
    javascript: as("application/javascript"),
    html: as("text/html"),
    markdown: as("text/markdown"),
    latex: as("text/latex"),
    svg: as("image/svg+xml"),
    png: as("image/png"),
    jpeg: as("image/jpeg"),
    gif: as("image/gif"),
    pdf: as("application/pdf"),
    text: as("text/plain"),
    raw,
  };
}

/** One display that is replaced whenever it is written to again. */
function newDisplay(): Display {
  const id = randomUUID();
  let shown = false;
  return displayOf((data) => {
    currentRun()?.show({ kind: shown ? "update" : "display", data, id });
    shown = true;
  });
}

export const tslab = {
  display: displayOf((data) => currentRun()?.show({ kind: "display", data })),
  newDisplay,
};
