// A family's card: its name and HELP, its figures now, a chart; opened, all its series as a table.

import { COLOURS, watch } from "./canvas.js";
import { drawHeatmap, drawLines } from "./charts.js";
import { breakable, cut, element, figureText, legendItem, setAttribute, setText } from "./dom.js";
import { viewOf } from "./kinds.js";
import { equal, labelText, splitLabels, splitName, valuesOf } from "./nodes.js";
import { boundsOf, bucketIncreases, largestFirst, Track } from "./rates.js";
import { SeriesTable } from "./table.js";
import { exact, formatted, unitOf } from "./units.js";

/** Series in the legend of a closed card. */
const LEGEND = 4;

export class Card {
	open = false;
	heat = false;
	visible = false;
	/** @type {Child[]} */
	children = [];
	/** The lines drawn, largest first. @type {Line[]} */
	lines = [];

	/** Of figures and of children. @type {Map<Figure | Child, Track>} */
	#tracks = new Map();
	/** @type {Track<Buckets> | null} */
	#heatTrack = null;
	/** The colours of the children drawn. @type {Map<string, number>} */
	#colours = new Map();
	/** What only labels have of a search. @type {string[]} */
	#terms = [];
	#built = false;
	/** @type {SeriesTable | null} */
	#table = null;

	/** @param {Context} context @param {Family} family @param {string[]} path of the node @param {string} key */
	constructor(context, family, path, key) {
		this.context = context;
		this.family = family;
		this.path = path;
		this.key = key;
		this.unit = unitOf(family.name);
		this.view = viewOf(family, []);
		this.labels = splitLabels([]);

		const [prefix, rest] = splitName(family.name, path);
		this.button = element(
			"button",
			{ type: "button", class: "name", "aria-expanded": "false" },
			element("span", { class: "prefix" }, ...breakable(prefix)),
			element("wbr"),
			...breakable(rest),
		);
		this.button.addEventListener("click", () => {
			this.setOpen(!this.open);
			context.onToggle();
		});
		this.badge = element("span", { class: "kind" });
		this.help = element("p", { class: "help" });
		this.now = element("p", { class: "now" });
		this.canvas = element("canvas", { role: "img" });
		this.legend = element("ul", { class: "legend" });
		this.detail = element("div", { class: "detail", hidden: true });
		this.element = element("article", { class: "card", "aria-label": family.name, "data-family": family.name }, element("header", {}, element("h3", {}, this.button), this.badge));
	}

	/** Tells the card which series it has. @param {Child[]} children */
	setChildren(children) {
		setText(this.help, this.family.help);
		if (equal(children, this.children)) return;
		this.children = children;
		this.view = viewOf(this.family, children);
		this.labels = splitLabels(children);
		setText(this.badge, this.view.word);
		this.element.classList.toggle("plain", this.view.draws === "none");
		this.#heatTrack = null;
		/** @type {Set<Figure | Child>} */
		const kept = new Set(children);
		for (const key of this.#tracks.keys()) if (!kept.has(key)) this.#tracks.delete(key);
	}

	/** Forgets what was computed for another search or with another window. */
	reset() {
		this.#tracks.clear();
		this.#heatTrack = null;
		this.#table?.clear();
	}

	/** Whether a search finds the family. If it finds labels of some series only, the card shows those. @param {string[]} terms */
	matches(terms) {
		const text = [this.family.name, this.view.word, this.family.help].join("\n").toLowerCase();
		const left = terms.filter((term) => !text.includes(term));
		if (left.length && !this.children.some((child) => contains(child, left))) return false;
		if (left.join(" ") !== this.#terms.join(" ")) this.reset();
		this.#terms = left;
		return true;
	}

	/** @param {boolean} open */
	setOpen(open) {
		if (open === this.open) return;
		this.open = open;
		setAttribute(this.button, "aria-expanded", String(open));
		this.element.classList.toggle("open", open);
		this.detail.hidden = !open;
		if (open && !this.#table) this.#buildDetail();
		this.update();
	}

	/** @param {boolean} heat */
	setHeat(heat) {
		this.heat = heat;
		const button = this.detail.querySelector(".heat");
		if (button) setAttribute(button, "aria-pressed", String(heat));
		this.draw();
	}

	/** Shows what is there now, if somebody can see it. */
	update() {
		const { reader, timeline } = this.context;
		if (!this.visible || !timeline.rows.length) return;
		if (!this.#built) this.#build();
		const present = this.children.filter((child) => reader.shows(child) && contains(child, this.#terms));
		this.element.classList.toggle("removed", !present.length);
		this.#chooseLines(present);
		this.#showNow(present);
		this.#showLegend(present);
		this.draw();
		if (this.open) this.#table?.update(present);
	}

	/** Draws the chart alone, as the pointer moves. */
	draw() {
		if (!this.visible || !this.#built || this.view.draws === "none") return;
		const { timeline, range, cursor } = this.context;
		const frame = { timeline, range, cursor, unit: this.#chartUnit(), fromZero: this.view.fromZero === true };
		const bounds = this.open && this.heat ? boundsOf(this.children) : [];
		if (bounds.length) {
			this.#heatTrack ??= new Track((number) => bucketIncreases({ timeline, window: 0 }, this.children, number));
			drawHeatmap(this.canvas, bounds, this.#heatTrack.values(timeline), frame);
			return;
		}
		const lines = this.lines.map(({ colour, track }) => ({ colour, values: track.values(timeline) }));
		drawLines(this.canvas, lines, frame, this.open ? "large" : "small");
	}

	/** Frees the pixels of a card out of sight. */
	hide() {
		this.visible = false;
		this.canvas.width = 0;
	}

	/** The figures at a row, as the legend has them. @param {number} index of the row in the timeline */
	at(index) {
		return this.lines.map((line) => this.#legendItem(line, index));
	}

	/** The colour of a child's line, -1 if it is not drawn. @param {Child} child */
	colourOf({ key }) {
		return this.#colours.get(key) ?? -1;
	}

	#chartUnit() {
		return this.view.figures[0]?.unit(this.unit) ?? this.unit;
	}

	#build() {
		this.#built = true;
		this.element.append(this.help, this.now, this.canvas, this.legend, this.detail);
		watch(this.canvas, () => this.draw());
	}

	#buildDetail() {
		const heat = element("button", { type: "button", class: "heat", "aria-pressed": String(this.heat) }, "Heatmap");
		heat.addEventListener("click", () => {
			this.setHeat(!this.heat);
			this.context.onToggle();
		});
		this.#table = new SeriesTable(this);
		if (boundsOf(this.children).length) this.detail.append(heat);
		this.detail.append(this.#table.element);
		this.canvas.tabIndex = 0;
	}

	/** @param {Child[]} present */
	#chooseLines(present) {
		const { draws, figures } = this.view;
		if (draws === "figures") {
			const children = this.#terms.length ? this.children.filter((child) => contains(child, this.#terms)) : this.children;
			this.lines = figures.map((figure, colour) => ({ label: figure.title, colour, track: this.#track(figure, figure, children) }));
		}
		if (draws !== "series") return;
		const last = this.context.timeline.next - 1;
		const [figure] = figures;
		const ranked = (present.length ? present : this.children).map((child) => ({ child, value: figure.at(this.context, [child], last) }));
		const top = ranked.sort((a, b) => largestFirst(a.value, b.value)).slice(0, COLOURS);
		const keys = new Set(top.map(({ child }) => child.key));
		for (const key of this.#colours.keys()) if (!keys.has(key)) this.#colours.delete(key);
		this.lines = top.map(({ child }) => ({ label: this.#labelOf(child), colour: this.#colour(child.key), track: this.#track(child, figure, [child]) }));
	}

	/** A colour that no other child has, and that it keeps. @param {string} key */
	#colour(key) {
		const taken = new Set(this.#colours.values());
		const colour = this.#colours.get(key) ?? [...Array(COLOURS).keys()].find((one) => !taken.has(one)) ?? 0;
		this.#colours.set(key, colour);
		return colour;
	}

	/** @param {Figure | Child} key @param {Figure} figure @param {Child[]} children */
	#track(key, figure, children) {
		const track = this.#tracks.get(key) ?? new Track((number) => figure.at(this.context, children, number));
		this.#tracks.set(key, track);
		return track;
	}

	/** What tells a series from the others of its family. @param {Child} child */
	#labelOf(child) {
		return cut(valuesOf(child, this.labels.differing).join(" · ") || this.view.figures[0].title, 120);
	}

	/** @param {Child[]} present */
	#showNow(present) {
		const { context, view } = this;
		const last = context.timeline.next - 1;
		const unit = this.#chartUnit();
		/** @type {[title: string, value: number][]} */
		let figures = [];
		if (view.draws === "figures") figures = this.lines.map(({ label, track }) => [label, track.latest(context.timeline)]);
		else if (view.draws === "series" && (present.length === 1 || (view.total && present.length))) figures = [["", view.figures[0].at(context, present, last)]];
		const count = present.length ? `${exact(present.length)} series` : "removed";
		this.now.replaceChildren(
			...figures.map(([title, value], colour) => figureText(title, colour, unit.format(value))),
			...(present.length === 1 ? [] : [element("span", { class: "count" }, count)]),
		);
		const texts = figures.map(([title, value]) => `${title} ${formatted(unit, value)}`.trim());
		setAttribute(this.canvas, "aria-label", `${this.family.name}, ${view.word}: ${texts.join(", ") || count}`);
	}

	/** @param {Child[]} present */
	#showLegend(present) {
		/** @type {Node[]} */
		let items = [];
		if (this.view.draws === "none" && !this.open) {
			const labels = present.flatMap((child) => child.labels).filter(([name]) => !name.startsWith("dynamo_"));
			items = labels.slice(0, 8).map(([name, value]) => element("li", {}, element("span", { class: "label" }, name), element("span", { class: "value" }, cut(value, 40))));
		}
		if (this.view.draws === "series" && this.children.length > 1 && !this.open) {
			const newest = this.context.timeline.rows.length - 1;
			items = this.lines.slice(0, LEGEND).map((line) => this.#legendItem(line, newest));
			if (present.length > LEGEND) items.push(element("li", { class: "more" }, `${exact(present.length - LEGEND)} more`));
		}
		this.legend.replaceChildren(...items);
	}

	/** @param {Line} line @param {number} index of the row */
	#legendItem({ label, colour, track }, index) {
		return legendItem(label, colour, formatted(this.#chartUnit(), track.values(this.context.timeline)[index]));
	}
}

/** @param {Child} child @param {string[]} terms */
function contains(child, terms) {
	return terms.every((term) => labelText(child).includes(term));
}
