/** The table that `npm run bench:gpu` prints. */

import { formatSi } from "../../../plot/numbers.js";
import { comparisonTable } from "../../../plot/table.js";
import type { Ceilings } from "./ceilings.js";
import type { Row } from "./measure.js";

/** What the figures were measured on, and when. */
export interface Setting {
  /** Processor, cores and system. */
  readonly machine: string;
  /** Names and driver. */
  readonly adapter: string;
  readonly software: boolean;
  /** ISO 8601. */
  readonly date: string;
}

export function benchTable(rows: readonly Row[], ceilings: Ceilings, setting: Setting): string {
  const { adapter, software, machine, date } = setting;
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  const { text } = comparisonTable({
    columns: [
      { key: "case", label: "what" },
      { key: "rung", label: "rung" },
      { key: "milliseconds", label: "median", unit: "ms", digits: 3 },
      { key: "iqr", label: "IQR", unit: "ms", digits: 3 },
      { key: "speedup", label: "× composed", align: "right" },
      { key: "bytes", label: "bytes/s", align: "right" },
      { key: "ofCopy", label: "of copy", align: "right" },
      { key: "flops", label: "FLOP/s", align: "right" },
      { key: "ofProduct", label: "of product", align: "right" },
    ],
    rows: rows.map((row, i) => ({
      ...row,
      case: row.case === rows[i - 1]?.case ? "" : row.case,
      speedup: row.speedup.toFixed(2),
      bytes: formatSi(row.bytesPerSecond, "B/s"),
      flops: formatSi(row.flopsPerSecond, "FLOP/s"),
      ofCopy: percent(row.ofCopy),
      ofProduct: percent(row.ofProduct),
    })),
  });
  return [
    `${adapter}${software ? ", software in place of a GPU: no figure here is a GPU's" : ""}; ${machine}; ${date.slice(0, 10)}`,
    `ceilings: ${formatSi(ceilings.bytesPerSecond, "B/s")} (${ceilings.copy}), ${formatSi(ceilings.flopsPerSecond, "FLOP/s")} (${ceilings.product}, float32)`,
    "bytes/s and FLOP/s count what the mathematics needs, not what a rung does besides",
    "",
    text,
  ].join("\n");
}
