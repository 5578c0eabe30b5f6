/**
 * What a training run shows while it runs: a bar, a line of figures and the loss curve, in one display that is replaced
 * a few times a second. On a terminal it is one line, rewritten in place.
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { type DisplayHandle, display, isNotebook, type MimeBundle } from "../display.js";
import { type Curves, escapeHtml, lossCurve } from "./loss-curve.js";

export interface Progress extends Curves {
  readonly label: string;
  /** Steps done. */
  readonly step: number;
  /** Expected until the last step. */
  readonly secondsLeft: number;
  /** Items (tokens, images) per second, and what they are called. */
  readonly rate: number;
  readonly unit: string;
  /** Set when the run is over: why. */
  readonly ended?: string;
}

/** Least time between two updates of a display, in milliseconds. */
const interval = 333;

/** Shows a run's progress; `finish` shows it once more, whatever the time, and leaves it there. */
export interface Reporter {
  update(progress: Progress): void;
  finish(progress: Progress): void;
}

/** A reporter for where this process runs: a notebook, a terminal, or a log, which gets the last line alone. */
export function reporter(now: () => number = () => performance.now()): Reporter {
  let show: (progress: Progress, last: boolean) => void;
  if (isNotebook()) {
    let handle: DisplayHandle | undefined;
    show = (progress) => {
      const bundle = progressBundle(progress);
      if (handle === undefined) handle = display(bundle);
      else handle.update(bundle);
    };
  } else {
    const { stderr } = process;
    show = (progress, last) => {
      const line = progressLine(progress);
      // A line that wraps could not be rewritten in place.
      if (stderr.isTTY) stderr.write(`\r${line.slice(0, stderr.columns - 1)}\x1b[K${last ? "\n" : ""}`);
      else if (last) stderr.write(`${line}\n`);
    };
  }
  let shown = Number.NEGATIVE_INFINITY;
  return {
    update(progress) {
      if (now() - shown < interval) return;
      shown = now();
      show(progress, false);
    },
    finish: (progress) => show(progress, true),
  };
}

/** `Transformer 120/400 · loss 2.31 · validation 2.35 · 24k tokens/s · 12 s left` */
export function progressLine(progress: Progress): string {
  const { label, step, steps, secondsLeft, rate, unit, training, validation, ended } = progress;
  const figures = [
    `${label} ${step}/${steps}`,
    `loss ${training.at(-1)?.loss.toFixed(3) ?? "-"}`,
    ...validation.slice(-1).map(({ loss }) => `validation ${loss.toFixed(3)}`),
    `${compact(rate)} ${unit}/s`,
    ended ?? `${duration(secondsLeft)} left`,
  ];
  return figures.join(" · ");
}

/** The same for a notebook: a bar, the line and the loss curve, with the line as plain text. */
export function progressBundle(progress: Progress): MimeBundle {
  const { step, steps, ended } = progress;
  const percent = (100 * step) / steps;
  const bar =
    `<div role="progressbar" aria-valuenow="${step}" aria-valuemax="${steps}" style="height:6px;max-width:640px;background:rgba(128,128,128,0.25);border-radius:3px">` +
    `<div style="width:${percent.toFixed(1)}%;height:100%;background:${ended === undefined ? "#0072b2" : "#009e73"};border-radius:3px"></div></div>`;
  const line = `<div style="margin:4px 0;font-variant-numeric:tabular-nums">${escapeHtml(progressLine(progress))}</div>`;
  return {
    "text/plain": progressLine(progress),
    "text/html": `<div>${line}${bar}${image(lossCurve(progress))}</div>`,
  };
}

/** An SVG as an image: of inline SVG, JupyterLab shows only the words in a notebook that somebody else has run. */
function image(svg: string): string {
  if (svg === "") return "";
  const data = Buffer.from(svg).toString("base64");
  return `<img alt="loss over steps" src="data:image/svg+xml;base64,${data}"/>`;
}

/** 950, 24k, 1.3M */
function compact(n: number): string {
  if (n < 1000) return n.toFixed(0);
  return n < 1e6 ? `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`;
}

/** 8 s, 3 min 20 s */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
