// The top of the page: the figures that tell how a worker is, those of them that exist.

import { watch } from "./canvas.js";
import { drawLines } from "./charts.js";
import { arrange, element, largeNumber, setAttribute } from "./dom.js";
import { bucketIncreases, mean, quantile, rate, sum, Track } from "./rates.js";
import { bytes, formatted, number as plain, perSecond, seconds, share } from "./units.js";

/** @typedef {import("./card.js").Context} Context */
/** @typedef {import("./reader.js").Child} Child */
/** @typedef {import("./reader.js").Family} Family */
/** @typedef {import("./units.js").Unit} Unit */

/**
 * @typedef {object} Part
 * @property {string} title empty for the only one
 * @property {(RegExp | string)[]} families by their names; the first one found is shown
 * @property {(context: Context, children: Child[], number: number) => number} at
 */

/**
 * @typedef {object} Tile
 * @property {string} title
 * @property {Unit} unit
 * @property {Family["kind"]} kind of the families
 * @property {Part[]} parts
 * @property {boolean} [full] whether its chart goes up to 1
 * @property {boolean} [bad] whether anything but zero is bad
 */

/** @type {Part["at"]} */
const rates = ({ history, window }, children, row) => sum(children.map((child) => (child.value ? rate(history, child.value.id, row, window) : NaN)));
/** @type {Part["at"]} */
const values = ({ history }, children, row) => sum(children.map((child) => (child.value ? (history.row(row).values[child.value.id] ?? NaN) : NaN)));
/** @type {Part["at"]} */
const largest = (context, children, row) => Math.max(...children.map((child) => values(context, [child], row)).filter((value) => value === value));
/** @param {number} q @returns {Part["at"]} */
const quantiles = (q) => ({ history, window }, children, row) => {
  const { bounds, counts } = bucketIncreases(history, children, row, window);
  return bounds.length ? quantile(q, bounds, counts) : mean(history, children, row, window);
};

/** @param {(RegExp | string)[]} families @returns {Part[]} */
const halfAndTail = (families) => [
  { title: "p50", families, at: quantiles(0.5) },
  { title: "p95", families, at: quantiles(0.95) },
];

/** @type {Tile[]} */
const TILES = [
  {
    title: "Requests",
    unit: perSecond(plain),
    kind: "counter",
    parts: [{ title: "", families: ["dynamo_component_requests_total", "dynamo_frontend_requests_total", "vllm:request_success_total", /(^|_)requests_total$/], at: rates }],
  },
  {
    title: "Latency",
    unit: seconds,
    kind: "histogram",
    parts: halfAndTail(["dynamo_component_request_duration_seconds", "dynamo_frontend_request_duration_seconds", "vllm:e2e_request_latency_seconds", /(^|_)(latency|request_duration)_seconds$/]),
  },
  { title: "Time to first token", unit: seconds, kind: "histogram", parts: halfAndTail(["vllm:time_to_first_token_seconds", "dynamo_frontend_time_to_first_token_seconds"]) },
  {
    title: "Requests now",
    unit: plain,
    kind: "gauge",
    parts: [
      { title: "running", families: ["vllm:num_requests_running", "dynamo_component_inflight_requests", "dynamo_frontend_inflight_requests"], at: values },
      { title: "waiting", families: ["vllm:num_requests_waiting", "dynamo_work_handler_queue_depth", "dynamo_frontend_queued_requests"], at: values },
    ],
  },
  { title: "Tokens generated", unit: perSecond(plain), kind: "counter", parts: [{ title: "", families: ["vllm:generation_tokens_total"], at: rates }] },
  {
    title: "KV cache",
    unit: share,
    kind: "gauge",
    full: true,
    parts: [{ title: "", families: ["vllm:kv_cache_usage_perc", "dynamo_component_gpu_cache_usage_percent", "dynamo_component_kvstats_gpu_cache_usage_percent"], at: largest }],
  },
  { title: "Errors", unit: perSecond(plain), kind: "counter", bad: true, parts: [{ title: "", families: ["dynamo_component_errors_total", /(^|_)errors_total$/], at: rates }] },
  { title: "GIL wait", unit: seconds, kind: "histogram", parts: halfAndTail(["dynamo_runtime_gil_wait_seconds"]) },
  { title: "Event-loop lag", unit: seconds, kind: "histogram", parts: halfAndTail(["dynamo_runtime_event_loop_lag_seconds"]) },
  { title: "Memory", unit: bytes, kind: "gauge", parts: [{ title: "", families: ["process_resident_memory_bytes"], at: values }] },
  { title: "CPU", unit: share, kind: "counter", parts: [{ title: "", families: ["process_cpu_seconds_total"], at: rates }] },
];

/** The runtime's own metrics do not stand for the worker's work. */
const INTERNAL = /^(dynamo_runtime|python|process)_/;

/** A tile on the page. */
class TileView {
  /** @type {{part: Part, family: Family, track: Track}[]} */
  #shown = [];

  /**
   * @param {Tile} tile
   * @param {Context} context
   */
  constructor(tile, context) {
    this.tile = tile;
    this.context = context;
    this.figures = element("p", { class: "now" });
    this.canvas = element("canvas", { role: "img" });
    watch(this.canvas);
    this.canvas.addEventListener("sized", () => this.draw());
    this.canvas.addEventListener("resized", () => this.draw());
    this.element = element("li", { class: "tile" }, element("h3", {}, tile.title), this.figures, this.canvas);
  }

  /** Finds the families again. Returns whether there are any. */
  find() {
    const { families } = this.context.reader;
    this.#shown = [];
    for (const part of this.tile.parts) {
      const family = findFamily(families, part.families, this.tile.kind);
      if (!family) continue;
      const children = [...family.children.values()];
      const { context } = this;
      this.#shown.push({ part, family, track: new Track((number) => part.at(context, children, number)) });
    }
    this.element.title = [...new Set(this.#shown.map(({ family }) => family.name))].join(", ");
    return this.#shown.length > 0;
  }

  update() {
    const { unit, bad, title } = this.tile;
    const texts = [];
    /** @type {HTMLElement[]} */
    const parts = [];
    let alarming = false;
    for (const [colour, { part, track }] of this.#shown.entries()) {
      const value = track.latest(this.context.history) ?? NaN;
      const label = part.title && element("span", { class: "title" }, part.title);
      const named = this.#shown.length > 1 ? `figure line-${colour + 1}` : "figure";
      parts.push(element("span", { class: named }, label, ...largeNumber(unit.format(value))));
      texts.push(`${part.title} ${formatted(unit, value)}`.trim());
      alarming ||= bad === true && value > 0;
    }
    this.element.classList.toggle("alarming", alarming);
    this.figures.replaceChildren(...parts);
    setAttribute(this.canvas, "aria-label", `${title}: ${texts.join(", ")}`);
    this.draw();
  }

  draw() {
    const { history, range } = this.context;
    const lines = this.#shown.map(({ track }, colour) => ({ colour, values: track.values(history) }));
    drawLines(this.canvas, lines, { history, range, unit: this.tile.unit, fromZero: true, cursor: null }, "spark");
  }
}

export class Overview {
  /**
   * @param {Element} list
   * @param {Context} context
   */
  constructor(list, context) {
    this.list = list;
    this.tiles = TILES.map((tile) => new TileView(tile, context));
    /** @type {TileView[]} */
    this.shown = [];
  }

  /** Finds the families again. */
  find() {
    this.shown = this.tiles.filter((tile) => tile.find());
    arrange(this.list, this.shown.map((tile) => tile.element));
  }

  update() {
    for (const tile of this.shown) tile.update();
  }
}

/**
 * @param {Map<string, Family>} families
 * @param {(RegExp | string)[]} wanted
 * @param {Family["kind"]} kind
 */
function findFamily(families, wanted, kind) {
  for (const name of wanted) {
    if (typeof name === "string") {
      // OpenMetrics gives a counter's family no _total.
      const family = families.get(name) ?? families.get(name.replace(/_total$/, ""));
      if (family?.kind === kind && family.children.size) return family;
      continue;
    }
    for (const family of families.values()) {
      if (family.kind === kind && name.test(family.name) && !INTERNAL.test(family.name) && family.children.size) return family;
    }
  }
  return undefined;
}
