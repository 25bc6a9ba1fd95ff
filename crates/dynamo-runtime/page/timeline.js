// What the scrapes of the last 15 minutes returned: one row of values a scrape.

/** How long rows are kept, in milliseconds. */
const KEPT = 15 * 60 * 1000;

export class Timeline {
	/** Oldest first. @type {Row[]} */
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
		const old = this.rows.findIndex(({ time }) => time >= row.time - KEPT);
		this.rows.splice(0, old);
		this.first += old;
	}

	/** The value of a sample in a row, NaN if it is not there. @param {number} id @param {number} number of the row */
	value(id, number) {
		return this.rows[number - this.first].values[id] ?? NaN;
	}

	/** @param {number} number of a row */
	time(number) {
		return this.rows[number - this.first].time;
	}

	/**
	 * The first row of the window that ends with a row: the oldest one within it, or the row before if
	 * it has no other and no scrape was missed.
	 * @param {number} number of the row
	 * @param {number} window milliseconds
	 */
	windowStart(number, window) {
		const begin = this.time(number) - window;
		let start = number;
		while (start > this.first && this.time(start - 1) >= begin) start--;
		return start === number && start > this.first && !this.rows[number - this.first].resumed ? start - 1 : start;
	}
}
