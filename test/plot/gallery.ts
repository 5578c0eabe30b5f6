/** One figure of each kind, small, for the tests that hold for all. */

import { barPlot } from "workbook/plot/bar";
import type { PlotlyFigure, VegaLiteFigure } from "workbook/plot/figure";
import { heatmap } from "workbook/plot/heatmap";
import { histogram } from "workbook/plot/histogram";
import { linePlot } from "workbook/plot/line";
import { scalingPlot } from "workbook/plot/scaling";
import { sharePlot } from "workbook/plot/share";
import { surfacePlot, zoomHeatmap } from "workbook/plot/surface";
import { timelinePlot } from "workbook/plot/timeline";
import { trainingPlot } from "workbook/plot/training";

export const lengths = [256, 512, 1024, 2048];
export const square = (n: number, f = (i: number, j: number) => Math.sin(i + 2 * j)) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => f(i, j)));
export const titles = {
  rowTitle: "query position",
  columnTitle: "key position",
  valueTitle: "weight (probability)",
};
const many = Array.from({ length: 40 }, (_, i) => ({
  x: i + 1,
  y: i * i + 1,
  low: i + 0.5,
  high: 2 * i * i + 2,
}));

interface Exhibit {
  readonly figure: VegaLiteFigure | PlotlyFigure;
  /** Marks by kind, counted by hand from the data. */
  readonly marks: Readonly<Record<string, number>>;
}

export const gallery: Readonly<Record<string, Exhibit>> = {
  "a scaling plot": {
    figure: scalingPlot({
      title: "Time of attention",
      quantity: "time",
      references: [1, 2],
      crossover: { T: 700 },
      curves: [
        {
          label: "softmax",
          exponent: 2,
          points: lengths.map((T) => ({ T, y: T * T, low: T * T * 0.9, high: T * T * 1.2 })),
        },
        { label: "linear", exponent: 1, points: lengths.map((T) => ({ T, y: 700 * T })) },
      ],
    }),
    // Two curves and two references; an error bar for each point of the first curve, and the crossover.
    marks: { line: 4, symbol: 8, rule: 5, text: 3 },
  },
  "a heatmap": {
    figure: heatmap({ title: "Weights", values: square(4), ...titles }),
    marks: { rect: 16, text: 16 },
  },
  "a heatmap of several panels": {
    figure: heatmap({
      title: "Heads",
      panels: ["head 0", "head 1", "head 2"].map((title) => ({ title, values: square(12) })),
      ...titles,
    }),
    marks: { rect: 3 * 144, text: 0 },
  },
  "a large heatmap": {
    figure: heatmap({ title: "Pattern", values: square(128), ...titles, scale: "diverging" }),
    marks: { image: 1, rect: 0 },
  },
  "a training plot": {
    figure: trainingPlot({
      title: "Training",
      runs: [
        {
          label: "softmax",
          points: [0, 1, 2, 3].map((step) => ({ step, loss: 4 - step, validation: 4.5 - step })),
        },
        { label: "linear", points: [0, 1, 2, 3].map((step) => ({ step, loss: 4.2 - step })) },
      ],
      baselines: [
        { label: "bigram", value: 2.5 },
        { label: "unigram", value: 2.9 },
      ],
    }),
    // Two training lines and one of validation.
    marks: { line: 3, symbol: 8, rule: 2, text: 2 },
  },
  "a line plot": {
    figure: linePlot({
      title: "Accuracy",
      series: ["a", "b"].map((label) => ({
        label,
        points: [1, 2, 3].map((x) => ({ x, y: 50 + x, low: 49, high: 60 })),
      })),
      x: { label: "pairs", unit: "pairs" },
      y: { label: "accuracy", unit: "% of queries" },
      baselines: [{ label: "chance", value: 6 }],
    }),
    marks: { line: 2, symbol: 6, rule: 7, text: 1 },
  },
  "a line plot of many points": {
    figure: linePlot({
      title: "Error",
      series: [{ label: "error", points: many }],
      x: { label: "features", unit: "features", scale: "log" },
      y: { label: "error", unit: "no unit", scale: "log" },
    }),
    marks: { line: 1, area: 1, symbol: 0 },
  },
  "a bar plot": {
    figure: barPlot({
      title: "Operations",
      value: { label: "operations", unit: "FLOPs" },
      bars: [
        { label: "attention", value: 2e9 },
        { label: "feed-forward", value: 4e9, low: 3e9, high: 5e9 },
      ],
    }),
    marks: { rect: 2, rule: 1, text: 2 },
  },
  "a bar plot of groups": {
    figure: barPlot({
      title: "Time",
      value: { label: "time", unit: "ms" },
      bars: ["T = 64", "T = 128"].flatMap((label, i) =>
        ["a", "b", "c"].map((group, j) => ({ label, group, value: i - j })),
      ),
    }),
    marks: { rect: 6, text: 6 },
  },
  "a share plot": {
    figure: sharePlot({
      title: "Where operations go",
      quantity: { label: "operations", unit: "FLOPs" },
      bars: [
        {
          label: "short",
          parts: [
            { label: "attention", value: 1 },
            { label: "rest", value: 99 },
          ],
        },
        {
          label: "long",
          parts: [
            { label: "attention", value: 60 },
            { label: "rest", value: 40 },
          ],
        },
      ],
    }),
    // The part of one percent has no number; each bar has its whole.
    marks: { rect: 4, text: 5 },
  },
  "a timeline": {
    figure: timelinePlot({
      title: "Workers",
      rows: ["worker 0", "worker 1", "worker 2"],
      x: { label: "time", unit: "keys" },
      spans: [
        { row: "worker 0", start: 0, end: 4, series: "first text", text: "1" },
        { row: "worker 0", start: 4, end: 5, series: "second text", text: "2" },
        { row: "worker 1", start: 0, end: 3, series: "second text" },
      ],
    }),
    // Two bars have a text; the last end is ruled.
    marks: { rect: 3, text: 2, rule: 1 },
  },
  "a histogram": {
    figure: histogram({
      title: "Dot products",
      samples: [{ label: "sample", values: [-1, 0, 0, 1] }],
      x: { label: "q · k", unit: "no unit" },
      curves: [{ label: "normal", density: (x) => Math.exp(-x * x) }],
      bins: 8,
    }),
    marks: { area: 1, line: 2 },
  },
  "a surface": {
    figure: surfacePlot({
      title: "Kernel",
      z: square(5),
      x: { label: "k", unit: "no unit", values: [-2, -1, 0, 1, 2] },
      y: { label: "q", unit: "no unit" },
      height: { label: "kernel", unit: "no unit" },
    }),
    marks: { rect: 25 },
  },
  "a heatmap to zoom": {
    figure: zoomHeatmap({ title: "Pattern", values: square(70), ...titles }),
    marks: { image: 1 },
  },
};
