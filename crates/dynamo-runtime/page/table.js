// All series of a family as a table, the largest first.

import { watch } from "./canvas.js";
import { drawLines } from "./charts.js";
import { arrange, cut, element, setAttribute, setText } from "./dom.js";
import { valuesOf } from "./nodes.js";
import { largestFirst, Track } from "./rates.js";
import { exact, formatted } from "./units.js";

/** Rows before somebody asks for more, and how many more. */
const FEW = 20;
const MORE = 200;
/** Characters of a label value before it is cut, and in its cell's title. */
const LONG = 200;
const LONGEST = 2000;

export class SeriesTable {
	#limit = FEW;
	/** @type {Map<Child, TableRow>} */
	#rows = new Map();
	#columns = "";

	/** @param {Card} card */
	constructor(card) {
		this.card = card;
		this.same = element("dl", { class: "same" });
		this.head = element("tr");
		this.body = element("tbody");
		this.more = element("button", { type: "button" });
		this.more.addEventListener("click", () => {
			this.#limit += MORE;
			card.update();
		});
		const table = element("table", { "aria-label": `Series of ${card.family.name}` }, element("thead", {}, this.head), this.body);
		this.element = element("div", {}, this.same, element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Series" }, table), this.more);
	}

	/** Forgets rows and what they have computed. */
	clear() {
		this.#rows.clear();
		this.#columns = "";
	}

	/** @param {Child[]} present */
	update(present) {
		const { context, view } = this.card;
		const last = context.timeline.next - 1;
		this.#showHead();
		const ranked = present.map((child) => ({ child, value: view.columns[0].at(context, [child], last) }));
		ranked.sort((a, b) => largestFirst(a.value, b.value));
		const shown = new Set(ranked.slice(0, this.#limit).map(({ child }) => child));
		for (const child of this.#rows.keys()) if (!shown.has(child)) this.#rows.delete(child);
		const rows = [...shown].map((child) => this.#row(child));
		arrange(this.body, rows.map((row) => row.element));
		for (const row of rows) this.#showRow(row, last);
		const left = present.length - shown.size;
		this.more.hidden = left <= 0;
		setText(this.more, `Show ${exact(Math.min(left, MORE))} more of ${exact(left)}`);
	}

	#showHead() {
		const { labels, view } = this.card;
		const titles = view.columns.map((column) => column.title);
		const key = JSON.stringify([labels, titles]);
		if (key === this.#columns) return;
		this.clear();
		this.#columns = key;
		const sparks = view.draws === "none" ? [] : [element("th", { scope: "col" }, `${titles[0]} over time`)];
		this.head.replaceChildren(
			...labels.differing.map((name) => element("th", { scope: "col" }, name)),
			...sparks,
			...titles.map((title) => element("th", { scope: "col", class: "number" }, title)),
		);
		this.same.replaceChildren(...labels.same.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, cut(value, LONGEST)))));
	}

	/** @param {Child} child */
	#row(child) {
		const known = this.#rows.get(child);
		if (known) return known;
		const { context, labels, view } = this.card;
		const single = [child];
		const [first] = view.columns;
		/** @type {TableRow} */
		const row = {
			element: element("tr"),
			cells: view.columns.map(() => element("data")),
			spark: element("canvas", { role: "presentation" }),
			single,
			track: view.draws === "none" ? null : new Track((number) => first.at(context, single, number)),
		};
		watch(row.spark, () => this.#drawSpark(row));
		row.element.append(
			...valuesOf(child, labels.differing).map((value) => element("td", { title: value.length > LONG && cut(value, LONGEST) }, cut(value, LONG))),
			...(row.track ? [element("td", { class: "spark" }, row.spark)] : []),
			...row.cells.map((cell) => element("td", { class: "number" }, cell)),
		);
		this.#rows.set(child, row);
		return row;
	}

	/** @param {TableRow} row @param {number} last */
	#showRow(row, last) {
		const { context, unit, view } = this.card;
		view.columns.forEach((column, index) => {
			const value = column.at(context, row.single, last);
			setText(row.cells[index], column.exact ? exact(value) : formatted(column.unit(unit), value));
			setAttribute(row.cells[index], "value", String(value));
		});
		this.#drawSpark(row);
	}

	/** @param {TableRow} row */
	#drawSpark({ single, spark, track }) {
		const { context, unit, view } = this.card;
		const { timeline, range } = context;
		if (!track) return;
		const frame = { timeline, range, unit, fromZero: view.fromZero === true, cursor: null };
		drawLines(spark, [{ colour: this.card.colourOf(single[0]), values: track.values(timeline) }], frame, "spark");
	}
}
