/** The loss curve as inline SVG: small enough to be sent a few times a second, readable on light and dark pages. */

export interface Point {
  readonly step: number;
  /** Nats. */
  readonly loss: number;
}

/** A line to beat, drawn across the curve: a baseline's loss. */
export interface Reference {
  readonly label: string;
  readonly loss: number;
}

export interface Curves {
  /** Where the horizontal axis ends. */
  readonly steps: number;
  readonly training: readonly Point[];
  readonly validation: readonly Point[];
  readonly references: readonly Reference[];
}

/** Most points that one curve is drawn with; more are averaged into as many. */
const resolution = 160;
const [width, height] = [640, 220];
const margin = { left: 44, right: 130, top: 10, bottom: 34 };
// From Okabe and Ito's palette, which colour-blind readers can tell apart.
const [trainingColour, validationColour] = ["#0072b2", "#d55e00"];

/** Training and validation loss over steps, with the references as dashed lines; empty before the first loss. */
export function lossCurve({ steps, training, validation, references }: Curves): string {
  const curve = averaged(training);
  const losses = [...curve, ...validation, ...references].map(({ loss }) => loss).filter(Number.isFinite);
  if (curve.length === 0 || losses.length === 0) return "";
  const { low, high, ticks } = axis(Math.min(...losses), Math.max(...losses));
  const x = (step: number) =>
    (margin.left + ((width - margin.left - margin.right) * step) / steps).toFixed(1);
  const height01 = (loss: number) => (Math.min(loss, high) - low) / (high - low);
  const y = (loss: number) =>
    (height - margin.bottom - (height - margin.top - margin.bottom) * height01(loss)).toFixed(1);
  const path = (points: readonly Point[]) =>
    points.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(" ");
  const finite = (points: readonly Point[]) => points.filter(({ loss }) => Number.isFinite(loss));
  const text = (at: string, content: string, extra = "") =>
    `<text ${at} ${extra}>${escapeHtml(content)}</text>`;

  const grid = ticks.map(
    (tick) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="currentColor" stroke-opacity="0.15"/>` +
      text(`x="${margin.left - 6}" y="${y(tick)}"`, String(tick), 'text-anchor="end" dy="0.32em"'),
  );
  const lines = references.map(
    ({ label, loss }) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(loss)}" y2="${y(loss)}" stroke="currentColor" stroke-dasharray="5 4"/>` +
      text(`x="${width - margin.right + 6}" y="${y(loss)}"`, `${label} ${loss.toFixed(2)}`, 'dy="0.32em"'),
  );
  const trained = `<polyline fill="none" stroke="${trainingColour}" stroke-width="1.5" points="${path(finite(curve))}"/>`;
  const validated =
    `<polyline fill="none" stroke="${validationColour}" stroke-width="1.5" points="${path(finite(validation))}"/>` +
    finite(validation)
      .map(({ step, loss }) => `<circle cx="${x(step)}" cy="${y(loss)}" r="3.5" fill="${validationColour}"/>`)
      .join("");
  const bottom = `y="${height - margin.bottom + 14}"`;
  const labels = [
    text(`x="${margin.left}" ${bottom}`, "0", 'text-anchor="middle"'),
    text(`x="${width - margin.right}" ${bottom}`, String(steps), 'text-anchor="middle"'),
    text(`x="${(margin.left + width - margin.right) / 2}" y="${height - 6}"`, "step", 'text-anchor="middle"'),
    text(
      `x="12" y="${height / 2}"`,
      "loss (nats)",
      `text-anchor="middle" transform="rotate(-90 12 ${height / 2})"`,
    ),
    text(`x="${width - margin.right + 6}" y="${margin.top + 8}"`, "training", `fill="${trainingColour}"`),
    validation.length === 0
      ? ""
      : text(
          `x="${width - margin.right + 6}" y="${margin.top + 24}"`,
          "validation",
          `fill="${validationColour}"`,
        ),
  ];
  const body = [...grid, ...lines, trained, validated, ...labels].join("");
  return `<svg viewBox="0 0 ${width} ${height}" style="width:100%;max-width:${width}px" fill="currentColor" font-size="11" font-family="sans-serif" role="img" aria-label="loss over steps">${body}</svg>`;
}

/** Means over equal stretches of steps, placed at the end of each, so that the last point is the latest step. */
function averaged(points: readonly Point[]): Point[] {
  const size = Math.max(1, Math.ceil(points.length / resolution));
  const means: Point[] = [];
  for (let end = points.length; end > 0; end -= size) {
    const stretch = points.slice(Math.max(0, end - size), end);
    const loss = stretch.reduce((sum, point) => sum + point.loss, 0) / stretch.length;
    means.unshift({ step: stretch.at(-1)!.step, loss });
  }
  return means;
}

/** A range that holds low to high, and three to six round ticks in it. */
function axis(low: number, high: number): { low: number; high: number; ticks: number[] } {
  const span = Math.max(high - low, 1e-3);
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= 5)!;
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(digits)),
  );
  return { low: first * step, high: last * step, ticks };
}

/** For text and attribute values alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
