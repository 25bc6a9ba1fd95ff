// The overview: a tile for each figure whose family exists.

import { watch } from "./canvas.js";
import { drawLines } from "./charts.js";
import { arrange, byId, element, figureText, setAttribute } from "./dom.js";
import { quantileFigure, RATE, VALUE } from "./kinds.js";
import { equal } from "./nodes.js";
import { largestFirst, Track } from "./rates.js";
import { BYTES, formatted, NUMBER, perSecond, SECONDS, SHARE } from "./units.js";

/** @type {Figure["at"]} */
const largest = (source, children, number) => children.map((child) => VALUE.at(source, [child], number)).sort(largestFirst)[0];

/**
 * A tile with one figure.
 * @param {string} title
 * @param {Unit} unit
 * @param {Kind} kind of the families
 * @param {Figure["at"]} at
 * @param {...RegExp} families by their names; the first one found is shown
 * @returns {Tile}
 */
const single = (title, unit, kind, at, ...families) => ({ title, unit, kind, parts: [{ title: "", families, at }] });

/** The p50 and p95 of a histogram. @param {string} title @param {...RegExp} families @returns {Tile} */
const latency = (title, ...families) => ({
	title,
	unit: SECONDS,
	kind: "histogram",
	parts: [0.5, 0.95].map(quantileFigure).map(({ title, at }) => ({ title, families, at })),
});

const PER_SECOND = perSecond(NUMBER);
/** @type {Tile[]} */
const TILES = [
	single("Requests", PER_SECOND, "counter", RATE.at, /^dynamo_(component|frontend)_requests_total$/, /^vllm:request_success_total$/, /(^|_)requests_total$/),
	latency("Latency", /^dynamo_(component|frontend)_request_duration_seconds$/, /^vllm:e2e_request_latency_seconds$/, /(^|_)(latency|request_duration)_seconds$/),
	latency("Time to first token", /^(vllm:|dynamo_frontend_)time_to_first_token_seconds$/),
	{
		title: "Requests now",
		unit: NUMBER,
		kind: "gauge",
		parts: [
			{ title: "running", families: [/^vllm:num_requests_running$/, /^dynamo_(component|frontend)_inflight_requests$/], at: VALUE.at },
			{ title: "waiting", families: [/^vllm:num_requests_waiting$/, /^dynamo_(work_handler_queue_depth|frontend_queued_requests)$/], at: VALUE.at },
		],
	},
	single("Tokens generated", PER_SECOND, "counter", RATE.at, /^vllm:generation_tokens_total$/),
	single("KV cache", SHARE, "gauge", largest, /^vllm:kv_cache_usage_perc$/, /^dynamo_component_(kvstats_)?gpu_cache_usage_percent$/),
	{ ...single("Errors", PER_SECOND, "counter", RATE.at, /^dynamo_component_errors_total$/, /(^|_)errors_total$/), bad: true },
	latency("GIL wait", /^dynamo_runtime_gil_wait_seconds$/),
	latency("Event-loop lag", /^dynamo_runtime_event_loop_lag_seconds$/),
	single("Processes", NUMBER, "gauge", VALUE.at, /^dynamo_runtime_processes$/),
	single("Memory", BYTES, "gauge", VALUE.at, /^process_resident_memory_bytes$/),
	single("CPU", SHARE, "counter", RATE.at, /^process_cpu_seconds_total$/),
];

/** A tile on the page. */
class TileView {
	/** @type {{title: string, family: Family, children: Child[], track: Track}[]} */
	#shown = [];

	/** @param {Tile} tile @param {Context} context */
	constructor(tile, context) {
		this.tile = tile;
		this.context = context;
		this.figures = element("p", { class: "now" });
		this.canvas = element("canvas", { role: "img" });
		watch(this.canvas, () => this.draw());
		this.element = element("li", { class: "tile" }, element("h3", {}, tile.title), this.figures, this.canvas);
	}

	/** Finds the families again. Returns whether there are any. @param {boolean} anew whether to compute all points again */
	find(anew) {
		const { context } = this;
		this.#shown = this.tile.parts.flatMap(({ title, families, at }) => {
			const family = findFamily(context.reader.families.values(), families, this.tile.kind);
			if (!family) return [];
			const children = [...family.children.values()];
			const known = this.#shown.find((one) => one.title === title);
			if (!anew && known && equal(children, known.children)) return [known];
			return [{ title, family, children, track: new Track((number) => at(context, children, number)) }];
		});
		this.element.title = [...new Set(this.#shown.map(({ family }) => family.name))].join(", ");
		return this.#shown.length > 0;
	}

	update() {
		const { unit, bad, title } = this.tile;
		const figures = this.#shown.map((one) => ({ ...one, value: one.track.latest(this.context.timeline) }));
		this.element.classList.toggle("alarming", bad === true && figures.some(({ value }) => value > 0));
		this.figures.replaceChildren(
			...figures.map(({ title, value }, colour) => figureText(title, colour, unit.format(value))),
		);
		setAttribute(this.canvas, "aria-label", `${title}: ${figures.map((one) => `${one.title} ${formatted(unit, one.value)}`.trim()).join(", ")}`);
		this.draw();
	}

	draw() {
		const { timeline, range } = this.context;
		const lines = this.#shown.map(({ track }, colour) => ({ colour, values: track.values(timeline) }));
		drawLines(this.canvas, lines, { timeline, range, unit: this.tile.unit, fromZero: true, cursor: null }, "spark");
	}
}

export class Overview {
	list = byId("overview");

	/** @param {Context} context */
	constructor(context) {
		this.tiles = TILES.map((tile) => new TileView(tile, context));
		this.shown = this.tiles;
	}

	/** Finds the families again. @param {boolean} anew whether to compute all points again */
	find(anew = false) {
		this.shown = this.tiles.filter((tile) => tile.find(anew));
		arrange(this.list, this.shown.map((tile) => tile.element));
	}

	update() {
		for (const tile of this.shown) tile.update();
	}
}

/** @param {Iterable<Family>} families @param {RegExp[]} wanted @param {Kind} kind */
function findFamily(families, wanted, kind) {
	const candidates = [...families].filter((family) => family.kind === kind && family.children.size);
	for (const name of wanted) {
		// OpenMetrics gives a counter's family no _total. The runtime's own counters are not the worker's.
		const found = candidates.find((family) => (name.test(family.name) || name.test(`${family.name}_total`)) && !/^dynamo_runtime_.*_total$/.test(family.name));
		if (found) return found;
	}
	return undefined;
}
