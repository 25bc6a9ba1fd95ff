// What is computed from rows of the history: increases, rates and quantiles, as PromQL defines them.

/** @typedef {import("./history.js").History} History */
/** @typedef {import("./reader.js").Child} Child */

/**
 * How much a counter grew between two rows. A value below the one before it is a reset: the counter
 * began at zero in between.
 * @param {History} history
 * @param {number} id
 * @param {number} from
 * @param {number} to
 * @returns {number} NaN unless two rows have it
 */
export function increase(history, id, from, to) {
  let total = NaN;
  let before = NaN;
  for (let number = from; number <= to; number++) {
    const value = history.row(number).values[id] ?? NaN;
    if (value !== value) continue;
    if (before === before) total = (total === total ? total : 0) + (value < before ? value : value - before);
    before = value;
  }
  return total;
}

/**
 * The growth of a counter per second over the window that ends with a row.
 * @param {History} history
 * @param {number} id
 * @param {number} number the row
 * @param {number} window milliseconds
 * @returns {number} NaN if the row does not have it
 */
export function rate(history, id, number, window) {
  const values = history.row(number).values;
  if (Number.isNaN(values[id] ?? NaN)) return NaN;
  let start = history.windowStart(number, window);
  while (start < number && Number.isNaN(history.row(start).values[id] ?? NaN)) start++;
  const seconds = (history.row(number).time - history.row(start).time) / 1000;
  return seconds > 0 ? increase(history, id, start, number) / seconds : NaN;
}

/**
 * The sum of what is a number. NaN if nothing is.
 * @param {Iterable<number>} values
 */
export function sum(values) {
  let total = NaN;
  for (const value of values) if (value === value) total = total === total ? total + value : value;
  return total;
}

/**
 * For sorting: larger first, what is no number last.
 * @param {number} a
 * @param {number} b
 */
export function largestFirst(a, b) {
  if (a !== a || b !== b) return Number(a !== a) - Number(b !== b);
  return b - a;
}

/**
 * Observations by bucket, all children together, in the window that ends with a row. Cumulative,
 * by ascending bound.
 * @param {History} history
 * @param {Child[]} children
 * @param {number} number
 * @param {number} window
 * @returns {{bounds: number[], counts: number[]}}
 */
export function bucketIncreases(history, children, number, window) {
  const start = history.windowStart(number, window);
  const layout = boundsOf(children);
  const counts = new Array(layout.length).fill(0);
  for (const child of children) {
    // A child without one of the bounds has there what it has at its next lower bound.
    let own = 0;
    let count = 0;
    for (let index = 0; index < layout.length; index++) {
      const bound = /** @type {number} */ (layout[index]);
      for (let bucket = child.buckets[own]; bucket && bucket.bound <= bound; bucket = child.buckets[++own]) {
        const grown = increase(history, bucket.sample.id, start, number);
        if (grown === grown) count = Math.max(count, grown);
      }
      counts[index] += count;
    }
  }
  return { bounds: layout, counts };
}

/**
 * All bounds of some histograms, ascending.
 * @param {Child[]} children
 */
export function boundsOf(children) {
  const [first] = children;
  if (children.length === 1 && first) return first.buckets.map((bucket) => bucket.bound);
  const bounds = new Set(children.flatMap((child) => child.buckets.map((bucket) => bucket.bound)));
  return [...bounds].sort((a, b) => a - b);
}

/**
 * `histogram_quantile` of PromQL: linear inside a bucket, the highest finite bound above that.
 * @param {number} q 0 to 1
 * @param {number[]} bounds ascending, the last one +Inf
 * @param {number[]} counts cumulative
 * @returns {number} NaN without observations
 */
export function quantile(q, bounds, counts) {
  const total = counts.at(-1) ?? 0;
  if (!(total > 0) || bounds.length < 2) return NaN;
  const rank = q * total;
  let index = counts.findIndex((count) => count >= rank);
  if (index < 0) index = counts.length - 1;
  const upper = /** @type {number} */ (bounds[index]);
  if (upper === Infinity) return bounds[index - 1] ?? NaN;
  if (index === 0 && upper <= 0) return upper;
  const lower = index === 0 ? 0 : /** @type {number} */ (bounds[index - 1]);
  const below = index === 0 ? 0 : /** @type {number} */ (counts[index - 1]);
  const inside = /** @type {number} */ (counts[index]) - below;
  return inside > 0 ? lower + ((upper - lower) * (rank - below)) / inside : lower;
}

/**
 * The mean of what was observed in the window that ends with a row.
 * @param {History} history
 * @param {Child[]} children
 * @param {number} number
 * @param {number} window
 */
export function mean(history, children, number, window) {
  const start = history.windowStart(number, window);
  /** @param {"sum" | "count"} part */
  const grown = (part) => sum(children.map((child) => (child[part] ? increase(history, child[part].id, start, number) : NaN)));
  const count = grown("count");
  return count > 0 ? grown("sum") / count : NaN;
}

/**
 * Computed points over the rows of a history. A point is computed once.
 * @template [T=number]
 */
export class Track {
  /** @type {T[]} */
  #values = [];
  #first = 0;

  /** @param {(number: number) => T} compute the point of a row */
  constructor(compute) {
    this.compute = compute;
  }

  /**
   * The points of all rows, oldest first.
   * @param {History} history
   */
  values(history) {
    const next = this.#first + this.#values.length;
    if (history.first > next) {
      this.#values = [];
      this.#first = history.first;
    } else if (history.first > this.#first) {
      this.#values.splice(0, history.first - this.#first);
      this.#first = history.first;
    }
    for (let number = this.#first + this.#values.length; number < history.next; number++) this.#values.push(this.compute(number));
    return this.#values;
  }

  /**
   * The point of the newest row.
   * @param {History} history
   */
  latest(history) {
    return this.values(history).at(-1);
  }
}
