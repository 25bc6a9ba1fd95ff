// How each kind of family is shown: one entry in one table.

import { bucketIncreases, mean, quantile, rate, sum } from "./rates.js";
import { NUMBER, perSecond } from "./units.js";

/** @param {Unit} unit */
const same = (unit) => unit;

/** @param {Source} source @param {Sample | null} sample @param {number} number */
const valueAt = ({ timeline }, sample, number) => (sample ? timeline.value(sample.id, number) : NaN);
/** @param {Source} source @param {Sample | null} sample @param {number} number */
const rateAt = (source, sample, number) => (sample ? rate(source, sample.id, number) : NaN);

/** @type {Figure} */
export const VALUE = {
	title: "Value",
	unit: same,
	at: (source, children, number) => sum(children.map(({ value }) => valueAt(source, value, number))),
};
/** @type {Figure} */
export const RATE = {
	title: "Rate",
	unit: perSecond,
	at: (source, children, number) => sum(children.map(({ value }) => rateAt(source, value, number))),
};
/** @type {Figure} */
const OBSERVED = {
	title: "Rate",
	unit: () => perSecond(NUMBER),
	at: (source, children, number) => sum(children.map(({ count }) => rateAt(source, count, number))),
};
/** @type {Figure} */
const MEAN = {
	title: "Mean",
	unit: same,
	at: mean,
};
/** @type {Figure} */
const COUNT = {
	title: "Count",
	unit: same,
	exact: true,
	at: (source, children, number) => sum(children.map(({ count }) => valueAt(source, count, number))),
};

/** The buckets of the last point, which its quantiles share. @type {WeakMap<Child[], {time: number, window: number, buckets: Buckets}>} */
const last = new WeakMap();

/** @param {number} q @returns {Figure} */
export const quantileFigure = (q) => ({
	title: `p${q * 100}`,
	unit: same,
	at: (source, children, number) => {
		const { window } = source;
		const time = source.timeline.time(number);
		let known = last.get(children);
		if (known?.time !== time || known.window !== window) {
			known = { time, window, buckets: bucketIncreases(source, children, number) };
			last.set(children, known);
		}
		return known.buckets.bounds.length ? quantile(q, known.buckets) : mean(source, children, number);
	},
});
const QUANTILES = [0.5, 0.95, 0.99].map(quantileFigure);

/** @type {View} */
const COUNTER = { word: "counter", draws: "series", figures: [RATE], columns: [RATE, { ...VALUE, title: "Total", exact: true }], total: true, fromZero: true };
/** @type {View} */
const GAUGE = { word: "gauge", draws: "series", figures: [VALUE], columns: [VALUE, { ...VALUE, title: "Sample", exact: true }] };
/** @type {View} */
const HISTOGRAM = { word: "histogram", draws: "figures", figures: QUANTILES, columns: [OBSERVED, MEAN, ...QUANTILES, COUNT], fromZero: true };
/** @type {View} */
const SUMMARY = { ...HISTOGRAM, word: "summary", figures: [MEAN], columns: [OBSERVED, MEAN, COUNT] };
/** @type {View} */
const INFO = { word: "info", draws: "none", figures: [], columns: [VALUE] };

/** A native histogram has no buckets in a text. @param {Child[]} children @returns {View} */
const histogram = (children) => (children.some(({ buckets }) => buckets.length) ? HISTOGRAM : { ...SUMMARY, word: "histogram" });

/** The quantiles of several series cannot be merged. @param {Child[]} children @returns {View} */
function summary(children) {
	if (children.length !== 1 || !children[0].quantiles.length) return SUMMARY;
	/** @type {Figure[]} */
	const figures = children[0].quantiles.slice(-3).map(({ bound, sample }) => ({
		title: `p${Number((bound * 100).toPrecision(6))}`,
		unit: same,
		at: (source, _children, number) => valueAt(source, sample, number),
	}));
	return { ...SUMMARY, figures, columns: [OBSERVED, MEAN, ...figures, COUNT] };
}

/** @type {Record<Kind, (children: Child[]) => View>} */
const VIEWS = {
	counter: () => COUNTER,
	gauge: () => GAUGE,
	histogram,
	gaugehistogram: histogram,
	info: () => INFO,
	stateset: () => GAUGE,
	summary,
	unknown: () => ({ ...GAUGE, word: "untyped" }),
};

/** @param {Family} family @param {Child[]} children @returns {View} */
export function viewOf({ kind, name }, children) {
	return VIEWS[kind === "gauge" && name.endsWith("_info") ? "info" : kind](children);
}
