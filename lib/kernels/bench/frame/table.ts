/** The pages that `npm run bench:gpu` prints: the table, what is missing from it, and the verdict. */

import { formatSi } from "../../../plot/numbers.js";
import { comparisonTable } from "../../../plot/table.js";
import type { GpuInfo } from "../../adapter.js";
import type { Ceilings } from "./ceilings.js";
import type { Missing } from "./measure.js";
import type { Row } from "./rows.js";
import type { Judgement } from "./verdict.js";

/** What the figures were measured on, and when. */
export interface Setting {
  /** Processor, cores and system. */
  readonly machine: string;
  /** Names and driver. */
  readonly adapter: string;
  readonly software: boolean;
  /** "the GPU's timestamps", or the wall. */
  readonly clock: string;
  /** ISO 8601. */
  readonly date: string;
  /** Of Node, of packages, and of PyTorch and its packages where they were asked. */
  readonly versions: Readonly<Record<string, string>>;
  /** PyTorch's device, or why it has no rows. */
  readonly pytorch: string;
}

export interface Results {
  readonly setting: Setting;
  readonly gpu: GpuInfo;
  readonly ceilings: Ceilings;
  readonly rows: readonly Row[];
  readonly missing: readonly (Missing & { readonly case: string })[];
  readonly verdict: readonly Judgement[];
}

export function report({ setting, ceilings, rows, missing, verdict }: Results): string {
  const { adapter, software, machine, clock, date, versions, pytorch } = setting;
  return [
    `${adapter}${software ? ", software in place of a GPU: no figure here is a GPU's" : ""}; ${machine}; ${date.slice(0, 10)}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `sizes: ${software ? "small ones, for software" : "those of a real GPU"}; times: ${clock}, medians of batches; wall: what passes for whoever waits, dispatch and all`,
    `PyTorch: ${pytorch}`,
    `ceilings: ${formatSi(ceilings.bytesPerSecond, "B/s")} (${ceilings.copy}), ${formatSi(ceilings.flopsPerSecond, "FLOP/s")} (${ceilings.product}, float32)`,
    "bytes/s and FLOP/s count what the mathematics needs, not what a rung does besides; what a cache holds may pass the copy's",
    "",
    rows.length === 0 ? "nothing could be measured" : timesTable(rows),
    ...section(
      "not measured:",
      missing.map(({ case: what, rung, reason }) => `${what}, ${rung}: ${reason}`),
    ),
    ...(verdict.length === 0
      ? []
      : ["", `goals${software ? ", which software cannot meet" : ""}:`, "", verdictTable(verdict)]),
  ].join("\n");
}

function timesTable(rows: readonly Row[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  const yardstick = { key: "best", label: "our best ×", align: "right" } as const;
  return comparisonTable({
    columns: [
      { key: "case", label: "what" },
      { key: "rung", label: "rung" },
      { key: "milliseconds", label: "median", unit: "ms", digits: 3 },
      { key: "iqr", label: "IQR", unit: "ms", digits: 3 },
      { key: "wall", label: "wall", unit: "ms", digits: 3 },
      { key: "speedup", label: "× composed", align: "right" },
      ...(rows.some(({ best }) => best !== undefined) ? [yardstick] : []),
      { key: "bytes", label: "bytes/s", align: "right" },
      { key: "ofCopy", label: "of copy", align: "right" },
      { key: "flops", label: "FLOP/s", align: "right" },
      { key: "ofProduct", label: "of product", align: "right" },
    ],
    rows: rows.map((row, i) => ({
      case: row.case === rows[i - 1]?.case ? "" : row.case,
      rung: row.by === "pytorch" ? `PyTorch: ${named(row)}` : row.rung,
      milliseconds: row.milliseconds,
      iqr: row.iqr,
      wall: row.wall,
      speedup: row.speedup?.toFixed(2),
      best: row.best?.toFixed(2),
      bytes: formatSi(row.bytesPerSecond, "B/s"),
      flops: formatSi(row.flopsPerSecond, "FLOP/s"),
      ofCopy: percent(row.ofCopy),
      ofProduct: percent(row.ofProduct),
    })),
  }).text;
}

const named = ({ rung, precision }: Row) => (precision === "float32" ? rung : `${rung} (${precision})`);

function verdictTable(verdict: readonly Judgement[]): string {
  return comparisonTable({
    columns: [
      { key: "case", label: "what" },
      { key: "goal", label: "goal, at least" },
      { key: "reached", label: "reached" },
      { key: "met", label: "met" },
    ],
    rows: verdict.map(({ case: what, goal, reached, met }, i) => ({
      case: what === verdict[i - 1]?.case ? "" : what,
      goal,
      reached,
      met: met === undefined ? undefined : met ? "yes" : "no",
    })),
  }).text;
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", heading, ...lines];
}
