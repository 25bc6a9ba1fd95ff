// What is computed from a timeline: increases, rates and quantiles, as PromQL defines them.

/**
 * How much a counter grew between two rows. A value below the one before it is a reset: the counter
 * began at zero in between.
 * @param {Timeline} timeline
 * @param {number} id
 * @param {number} from
 * @param {number} to
 * @returns {number} NaN unless two rows have it
 */
export function increase(timeline, id, from, to) {
	let total = NaN;
	let before = NaN;
	for (let number = from; number <= to; number++) {
		const value = timeline.value(id, number);
		if (value !== value) continue;
		if (before === before) total = (total === total ? total : 0) + (value < before ? value : value - before);
		before = value;
	}
	return total;
}

/**
 * The growth of a counter per second over the window that ends with a row.
 * @param {Source} source
 * @param {number} id
 * @param {number} number of the row
 * @returns {number} NaN if the row does not have it
 */
export function rate({ timeline, window }, id, number) {
	if (Number.isNaN(timeline.value(id, number))) return NaN;
	let start = timeline.windowStart(number, window);
	while (Number.isNaN(timeline.value(id, start))) start++;
	return (1000 * increase(timeline, id, start, number)) / (timeline.time(number) - timeline.time(start));
}

/** The sum without NaN; NaN if nothing is left. @param {number[]} values */
export function sum(values) {
	const numbers = values.filter((value) => value === value);
	return numbers.length ? numbers.reduce((total, value) => total + value) : NaN;
}

/** Order for sorting: larger first, NaN last. @param {number} a @param {number} b */
export function largestFirst(a, b) {
	return a === a && b === b ? b - a : Number(a !== a) - Number(b !== b);
}

/** All bounds of some histograms, ascending. @param {Child[]} children */
export function boundsOf(children) {
	const bounds = children.map(({ buckets }) => buckets.map(({ bound }) => bound));
	return bounds.length === 1 ? bounds[0] : [...new Set(bounds.flat())].sort((a, b) => a - b);
}

/** Observations by bucket in a window, all children together. @param {Source} source @param {Child[]} children @param {number} number of the row */
export function bucketIncreases({ timeline, window }, children, number) {
	const start = timeline.windowStart(number, window);
	const bounds = boundsOf(children);
	const counts = bounds.map(() => 0);
	for (const { buckets } of children) {
		// A child without one of the bounds has there what it has at its next lower bound.
		let own = 0;
		let count = 0;
		bounds.forEach((bound, index) => {
			for (; buckets[own]?.bound <= bound; own++) count = Math.max(count, increase(timeline, buckets[own].sample.id, start, number) || 0);
			counts[index] += count;
		});
	}
	return { bounds, counts };
}

/**
 * `histogram_quantile` of PromQL: linear inside a bucket, the highest finite bound above that.
 * @param {number} q 0 to 1
 * @param {Buckets} buckets the last one's bound is +Inf
 * @returns {number} NaN without observations
 */
export function quantile(q, { bounds, counts }) {
	const rank = q * counts[counts.length - 1];
	const index = counts.findIndex((count) => count >= rank);
	const upper = bounds[index];
	if (!(rank > 0)) return NaN;
	if (upper === Infinity) return bounds[index - 1] ?? NaN;
	if (index === 0 && upper <= 0) return upper;
	const [lower, below] = index ? [bounds[index - 1], counts[index - 1]] : [0, 0];
	return lower + ((upper - lower) * (rank - below)) / (counts[index] - below);
}

/** The mean of the observations in a window. @param {Source} source @param {Child[]} children @param {number} number of the row */
export function mean({ timeline, window }, children, number) {
	const start = timeline.windowStart(number, window);
	/** @param {"sum" | "count"} part */
	const grown = (part) => sum(children.map((child) => (child[part] ? increase(timeline, child[part].id, start, number) : NaN)));
	const count = grown("count");
	return count > 0 ? grown("sum") / count : NaN;
}

/** Computed points over the rows of a timeline. A point is computed once. @template [T=number] */
export class Track {
	/** @type {T[]} */
	#values = [];
	#first = 0;

	/** @param {(number: number) => T} compute the point of a row */
	constructor(compute) {
		this.compute = compute;
	}

	/** The points of all rows, oldest first. @param {Timeline} timeline */
	values({ first, next }) {
		this.#values.splice(0, first - this.#first);
		this.#first = first;
		while (first + this.#values.length < next) this.#values.push(this.compute(first + this.#values.length));
		return this.#values;
	}

	/** The point of the newest row. @param {Timeline} timeline */
	latest(timeline) {
		return this.values(timeline)[timeline.rows.length - 1];
	}
}
