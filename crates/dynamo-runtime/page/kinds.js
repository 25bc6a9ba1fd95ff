// How each kind of family is drawn: one entry in one table.

import { bucketIncreases, mean, quantile, rate, sum } from "./rates.js";
import { number as plain, perSecond, unitOf } from "./units.js";

/** @typedef {import("./history.js").History} History */
/** @typedef {import("./reader.js").Child} Child */
/** @typedef {import("./reader.js").Family} Family */
/** @typedef {import("./units.js").Unit} Unit */

/**
 * What points are computed from.
 * @typedef {object} Source
 * @property {History} history
 * @property {number} window milliseconds over which rates and quantiles are computed
 */

/**
 * A figure of some series at a row.
 * @typedef {object} Figure
 * @property {string} title
 * @property {(unit: Unit) => Unit} unit from that of the family's values
 * @property {(source: Source, children: Child[], number: number) => number} at
 * @property {boolean} [exact] whether a table shows the sample with all its digits
 */

/**
 * @typedef {object} View
 * @property {string} word
 * @property {"series" | "figures" | "none"} draws a line for each series, a line for each figure, or none
 * @property {Figure[]} figures drawn; of several series the first one ranks them
 * @property {Figure[]} columns of the table
 * @property {boolean} total whether the figures of series add up
 * @property {boolean} fromZero whether charts begin at zero
 */

/** @type {(unit: Unit) => Unit} */
const same = (unit) => unit;
/** @type {(unit: Unit) => Unit} */
const perSecondOfCount = () => perSecond(plain);

/** @param {Source} source @param {number | undefined} id @param {number} number */
const sampleAt = (source, id, number) => (id === undefined ? NaN : (source.history.row(number).values[id] ?? NaN));

/** @type {Figure} */
const VALUE = {
  title: "Value",
  unit: same,
  at: (source, children, number) => sum(children.map((child) => sampleAt(source, child.value?.id, number))),
};
/** @type {Figure} */
const RATE = {
  title: "Rate",
  unit: perSecond,
  at: (source, children, number) =>
    sum(children.map((child) => (child.value ? rate(source.history, child.value.id, number, source.window) : NaN))),
};
/** @type {Figure} */
const OBSERVED = {
  title: "Rate",
  unit: perSecondOfCount,
  at: (source, children, number) =>
    sum(children.map((child) => (child.count ? rate(source.history, child.count.id, number, source.window) : NaN))),
};
/** @type {Figure} */
const MEAN_OF = { title: "Mean", unit: same, at: (source, children, number) => mean(source.history, children, number, source.window) };
/** @type {Figure} */
const COUNT = {
  title: "Count",
  unit: () => plain,
  exact: true,
  at: (source, children, number) => sum(children.map((child) => sampleAt(source, child.count?.id, number))),
};

/** Bucket counts that the quantiles of one point share. @type {WeakMap<Child[], {row: object, window: number, found: {bounds: number[], counts: number[]}}>} */
const shared = new WeakMap();

/**
 * @param {Source} source
 * @param {Child[]} children
 * @param {number} number
 */
function buckets(source, children, number) {
  const row = source.history.row(number);
  const last = shared.get(children);
  if (last && last.row === row && last.window === source.window) return last.found;
  const found = bucketIncreases(source.history, children, number, source.window);
  shared.set(children, { row, window: source.window, found });
  return found;
}

/** @param {number} q @returns {Figure} */
const quantileOf = (q) => ({
  title: `p${q * 100}`,
  unit: same,
  at: (source, children, number) => {
    const { bounds, counts } = buckets(source, children, number);
    return quantile(q, bounds, counts);
  },
});

/** The quantiles that histograms are drawn as. */
export const QUANTILES = [0.5, 0.95, 0.99].map(quantileOf);

/** @type {Record<"counter" | "gauge" | "unknown" | "histogram" | "mean" | "info", View>} */
const VIEWS = {
  counter: { word: "counter", draws: "series", figures: [RATE], columns: [RATE, { ...VALUE, title: "Total", exact: true }], total: true, fromZero: true },
  gauge: { word: "gauge", draws: "series", figures: [VALUE], columns: [VALUE, { ...VALUE, title: "Sample", exact: true, unit: () => plain }], total: false, fromZero: false },
  unknown: { word: "untyped", draws: "series", figures: [VALUE], columns: [VALUE, { ...VALUE, title: "Sample", exact: true, unit: () => plain }], total: false, fromZero: false },
  histogram: { word: "histogram", draws: "figures", figures: QUANTILES, columns: [OBSERVED, MEAN_OF, ...QUANTILES, COUNT], total: false, fromZero: true },
  mean: { word: "summary", draws: "figures", figures: [MEAN_OF], columns: [OBSERVED, MEAN_OF, COUNT], total: false, fromZero: true },
  info: { word: "info", draws: "none", figures: [], columns: [VALUE], total: false, fromZero: true },
};

/**
 * @param {Family} family
 * @param {Child[]} children
 * @returns {View}
 */
export function viewOf(family, children) {
  switch (family.kind) {
    case "histogram":
    case "gaugehistogram":
      return children.some((child) => child.buckets.length) ? VIEWS.histogram : { ...VIEWS.mean, word: "histogram" };
    case "summary":
      return summaryView(children);
    case "counter":
      return VIEWS.counter;
    case "info":
      return VIEWS.info;
    case "gauge":
      return family.name.endsWith("_info") ? VIEWS.info : VIEWS.gauge;
    default:
      return VIEWS.unknown;
  }
}

/**
 * The quantiles that a summary has itself, if it is one series: those of several cannot be merged.
 * @param {Child[]} children
 * @returns {View}
 */
function summaryView(children) {
  const [only] = children;
  if (children.length !== 1 || !only?.quantiles.length) return VIEWS.mean;
  const figures = only.quantiles.slice(-3).map(({ bound, sample }) => ({
    title: `p${Number((bound * 100).toPrecision(6))}`,
    unit: same,
    at: (/** @type {Source} */ source, /** @type {Child[]} */ _children, /** @type {number} */ number) => sampleAt(source, sample.id, number),
  }));
  return { ...VIEWS.mean, figures, columns: [OBSERVED, MEAN_OF, ...figures, COUNT] };
}

/** @param {Family} family */
export const unitOfFamily = (family) => unitOf(family.name);
