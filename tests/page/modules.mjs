// What the tests of the page's modules share: modules, readings, timelines.

import { readFileSync } from "node:fs";

const PAGE = new URL("../../crates/dynamo-runtime/page/", import.meta.url);

/** A module of the page, by its file's name. */
export const load = (name) => import(new URL(name, PAGE));

const { Reader } = await load("reader.js");
const { Timeline } = await load("timeline.js");

/** A file of the repository, by its path from the root. */
export const file = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** A process that is scraped every two seconds. */
export class Scraped {
	reader = new Reader();
	timeline = new Timeline();
	window = 30_000;

	/** Scrapes an exposition, `later` milliseconds after the one before it. */
	scrape(text, later = 2000, row = {}) {
		const time = (this.timeline.rows.at(-1)?.time ?? 0) + later;
		const reading = this.reader.read(text);
		this.timeline.push({ time, values: reading.values, resumed: false, restarted: false, ...row });
		return reading;
	}

	/** The children of a family, in the order of the exposition. */
	children(family) {
		return [...this.reader.families.get(family).children.values()];
	}

	/** The number of the newest row. */
	get last() {
		return this.timeline.next - 1;
	}
}

/** The value of a sample line's series: `name{label="value"}` as in the exposition. */
export function valuesByLine(text) {
	const values = new Map();
	for (const line of text.split("\n")) {
		const found = /^([^#].*) (\S+)$/.exec(line);
		if (found) values.set(found[1], found[2]);
	}
	return values;
}
