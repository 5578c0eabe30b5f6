/** The loss curve as SVG: small enough to be sent a few times a second, readable on light and dark pages. */

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
/** The height of a line of text. */
const LINE = 13;
/** Where the axes end; what stands to the right of them are labels. */
const [left, right, top, bottom] = [44, 510, 10, 186];
// A blue and an orange that colour-blind readers can tell apart, on light pages and on dark ones.
const colours = { training: "#3a95d0", validation: "#d55e00", text: "#808080" };

/** Training and validation loss over steps, with the references as dashed lines; empty before the first loss. */
export function lossCurve({ steps, training, validation, references }: Curves): string {
  const [trained, validated] = [averaged(training), validation].map((points) =>
    points.filter(({ loss }) => Number.isFinite(loss)),
  ) as [Point[], Point[]];
  if (trained.length === 0) return "";
  const losses = [...trained, ...validated, ...references].map(({ loss }) => loss);
  const { low, high, ticks } = axis(Math.min(...losses), Math.max(...losses));
  const x = (step: number) => (left + ((right - left) * step) / steps).toFixed(1);
  const y = (loss: number) => (bottom - ((bottom - top) * (loss - low)) / (high - low)).toFixed(1);
  const curve = (points: readonly Point[], colour: string) =>
    `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(" ")}"/>`;
  const dot = ({ step, loss }: Point) =>
    `<circle cx="${x(step)}" cy="${y(loss)}" r="3.5" fill="${colours.validation}"/>`;
  const across = (loss: number, style: string) =>
    `<line x1="${left}" x2="${right}" y1="${y(loss)}" y2="${y(loss)}" stroke="${colours.text}" ${style}/>`;
  const text = (x: number, y: number | string, content: string, style = "") =>
    `<text x="${x}" y="${y}" ${style}>${escapeHtml(content)}</text>`;
  const label = (content: string, loss: number | undefined, style = ""): Label[] =>
    loss === undefined ? [] : [{ content, at: Number(y(loss)), style }];
  const labels = [
    ...references.flatMap(({ label: name, loss }) => label(`${name} ${loss.toFixed(2)}`, loss)),
    ...label("training", trained.at(-1)?.loss, `fill="${colours.training}"`),
    ...label("validation", validated.at(-1)?.loss, `fill="${colours.validation}"`),
  ];
  const middle = 'text-anchor="middle"';
  const parts = [
    ...ticks.flatMap((tick) => [
      across(Number(tick), 'stroke-opacity="0.15"'),
      text(left - 6, y(Number(tick)), tick, 'text-anchor="end" dy="0.32em"'),
    ]),
    ...references.map(({ loss }) => across(loss, 'stroke-dasharray="5 4"')),
    curve(trained, colours.training),
    curve(validated, colours.validation),
    ...validated.map(dot),
    ...spread(labels).map(({ content, at, style }) => text(right + 6, at, content, `${style} dy="0.32em"`)),
    text(left, bottom + 14, "0", middle),
    text(right, bottom + 14, String(steps), middle),
    text((left + right) / 2, height - 6, "step", middle),
    text(12, (top + bottom) / 2, "loss (nats)", `${middle} transform="rotate(-90 12 ${(top + bottom) / 2})"`),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" fill="${colours.text}" font-size="11" font-family="sans-serif" role="img" aria-label="loss over steps">${parts.join("")}</svg>`;
}

/** What stands to the right of a curve's end or of a dashed line, at its height. */
interface Label {
  readonly content: string;
  readonly at: number;
  readonly style: string;
}

/** Labels in order from the top, moved apart so that none covers another, and none leaves the picture below. */
function spread(labels: readonly Label[]): Label[] {
  const apart = labels.toSorted((a, b) => a.at - b.at).map((label) => ({ ...label }));
  apart.forEach((label, i) => {
    if (i > 0) label.at = Math.max(label.at, apart[i - 1]!.at + LINE);
  });
  apart.reverse().forEach((label, i) => {
    label.at = Math.min(label.at, i === 0 ? bottom : apart[i - 1]!.at - LINE);
  });
  return apart.reverse();
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

/** A range that holds low to high, and a few round ticks in it, both ends included. */
function axis(low: number, high: number): { low: number; high: number; ticks: string[] } {
  const span = Math.max(high - low, 1e-3);
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => span / candidate <= 5)!;
  const first = Math.floor(low / size);
  const last = Math.max(Math.ceil(high / size), first + 1);
  const digits = Math.max(0, -Math.floor(Math.log10(size)));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => ((first + i) * size).toFixed(digits));
  return { low: first * size, high: last * size, ticks };
}

/** For text and attribute values alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
