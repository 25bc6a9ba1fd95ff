// What the scrapes of the last 15 minutes returned: one row of values a scrape.

/**
 * @typedef {object} Row
 * @property {number} time milliseconds since 1970
 * @property {Float64Array} values by the ids of samples; NaN or beyond the end: not there
 * @property {boolean} resumed whether scrapes were missed before this one
 * @property {boolean} restarted whether the process began anew before this one
 */

/** How long rows are kept, in milliseconds. */
export const KEPT = 15 * 60 * 1000;

export class History {
  /** @type {Row[]} oldest first */
  rows = [];
  /** The number of the oldest row; every row has the number after the one before it. */
  first = 0;

  /** The number after that of the newest row. */
  get next() {
    return this.first + this.rows.length;
  }

  /** @param {Row} row */
  push(row) {
    this.rows.push(row);
    let old = 0;
    while (/** @type {Row} */ (this.rows[old]).time < row.time - KEPT) old++;
    if (old) this.rows.splice(0, old);
    this.first += old;
  }

  /**
   * @param {number} number
   * @returns {Row}
   */
  row(number) {
    const row = this.rows[number - this.first];
    if (!row) throw new RangeError(`row ${number} is not kept`);
    return row;
  }

  /**
   * The first row of the window that ends with row `number`: the oldest one within `window`
   * milliseconds, or the row before if the window has none and no scrape was missed.
   * @param {number} number
   * @param {number} window
   */
  windowStart(number, window) {
    const { time, resumed } = this.row(number);
    let start = number;
    while (start > this.first && this.row(start - 1).time >= time - window) start--;
    return start === number && start > this.first && !resumed ? start - 1 : start;
  }
}
