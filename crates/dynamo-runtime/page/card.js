// A family's card: its name and HELP, its figures now, a chart; opened, all its series as a table.

import { COLOURS, release, watch } from "./canvas.js";
import { drawHeatmap, drawLines } from "./charts.js";
import { breakable, element, largeNumber, setAttribute, setText } from "./dom.js";
import { unitOfFamily, viewOf } from "./kinds.js";
import { labelText, splitLabels, splitName } from "./nodes.js";
import { boundsOf, bucketIncreases, largestFirst, Track } from "./rates.js";
import { SeriesTable } from "./table.js";
import { formatted } from "./units.js";

/** @typedef {import("./kinds.js").Figure} Figure */
/** @typedef {import("./reader.js").Child} Child */
/** @typedef {import("./reader.js").Family} Family */

/**
 * What all cards share.
 * @typedef {object} Context
 * @property {import("./reader.js").Reader} reader
 * @property {import("./history.js").History} history
 * @property {number} window
 * @property {number} range
 * @property {number | null} cursor
 * @property {(card: Card) => void} onToggle
 * @property {(card: Card) => void} onLink
 */

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {string} label
 * @property {number} colour
 * @property {Track} track
 */

/** Series in the legend of a closed card. */
const LEGEND = 4;

export class Card {
  open = false;
  heat = false;
  visible = false;
  /** @type {Child[]} */
  children = [];
  /** @type {Line[]} the lines drawn, largest first */
  lines = [];

  /** @type {Map<string, Track>} */
  #tracks = new Map();
  /** @type {Map<string, number>} colours of lines by key, kept while they are drawn */
  #colours = new Map();
  #search = "";
  /** @type {string[]} */
  #terms = [];
  #built = false;
  /** @type {SeriesTable | null} */
  #table = null;
  /** @type {Track<{bounds: number[], counts: number[]}> | null} */
  #heatTrack = null;

  /**
   * @param {Context} context
   * @param {Family} family
   * @param {string[]} path of the node
   * @param {string} key
   */
  constructor(context, family, path, key) {
    this.context = context;
    this.family = family;
    this.path = path;
    this.key = key;
    this.unit = unitOfFamily(family);
    this.view = viewOf(family, []);

    const [prefix, rest] = splitName(family.name, path);
    const id = `card-${key.replace(/[^A-Za-z0-9_-]/g, (char) => `.${char.charCodeAt(0)}`)}`;
    this.button = element("button", { type: "button", class: "name", "aria-expanded": "false", id }, element("span", { class: "prefix" }, ...breakable(prefix)), element("wbr"), ...breakable(rest));
    this.button.addEventListener("click", () => this.toggle());
    this.badge = element("span", { class: "kind" });
    this.help = element("p", { class: "help" });
    this.now = element("p", { class: "now" });
    this.canvas = element("canvas", { role: "img" });
    this.legend = element("ul", { class: "legend" });
    this.detail = element("div", { class: "detail", hidden: true });
    this.element = element("article", { class: "card", "aria-labelledby": id }, element("header", {}, element("h3", {}, this.button), this.badge));
    this.element.dataset["family"] = family.name;
  }

  /**
   * Tells the card which series it has; only some may be left.
   * @param {Child[]} children
   */
  setChildren(children) {
    const same = children.length === this.children.length && children.every((child, index) => child === this.children[index]);
    if (!same) {
      this.children = children;
      this.view = viewOf(this.family, children);
      this.#tracks.clear();
      this.#heatTrack = null;
      this.labels = splitLabels(children);
      setText(this.badge, this.view.word);
      this.#search = "";
    }
    setText(this.help, this.family.help);
    this.element.classList.toggle("plain", this.view.draws === "none");
  }

  /** Forgets what was computed with another window. */
  reset() {
    this.#tracks.clear();
    this.#heatTrack = null;
    this.#table?.clear();
  }

  /**
   * Whether a search finds the family. If only labels of some series are found, the card shows those.
   * @param {string[]} terms
   * @param {string} kind or `all`
   */
  matches(terms, kind) {
    this.#terms = [];
    const word = this.view.word === "summary" ? "histogram" : this.view.word === "counter" ? "counter" : this.view.word === "histogram" ? "histogram" : "gauge";
    if (kind !== "all" && word !== kind) return false;
    if (!terms.length) return true;
    this.#search ||= `${this.family.name}\n${this.family.help}`.toLowerCase();
    const left = terms.filter((term) => !this.#search.includes(term));
    if (!left.length) return true;
    if (!this.children.some((child) => contains(child, left))) return false;
    this.#terms = left;
    return true;
  }

  /** The series that are there now and that the search is about. */
  present() {
    const { reader } = this.context;
    return this.children.filter((child) => reader.shows(child) && (!this.#terms.length || contains(child, this.#terms)));
  }

  toggle() {
    this.setOpen(!this.open);
    this.context.onToggle(this);
  }

  /** @param {boolean} open */
  setOpen(open) {
    if (open === this.open) return;
    this.open = open;
    setAttribute(this.button, "aria-expanded", String(open));
    this.element.classList.toggle("open", open);
    this.#build();
    this.detail.hidden = !open;
    if (open && !this.#table) this.#buildDetail();
    this.update();
  }

  /** Draws the card, if somebody can see it. */
  update() {
    if (!this.visible) return;
    this.#build();
    const { history } = this.context;
    if (!history.rows.length) return;
    const present = this.present();
    this.element.classList.toggle("removed", !this.children.some((child) => this.context.reader.shows(child)));
    this.#chooseLines(present);
    this.#showNow(present);
    this.#showLegend(present);
    this.draw();
    if (this.open) this.#table?.update(present);
  }

  /** Draws the chart alone, as the pointer moves. */
  draw() {
    if (!this.visible || !this.#built || this.view.draws === "none") return;
    const { history, range, cursor } = this.context;
    const frame = { history, range, cursor, unit: this.#chartUnit(), fromZero: this.view.fromZero };
    if (this.open && this.heat && this.view.word === "histogram") {
      drawHeatmap(this.canvas, boundsOf(this.children), this.#heatColumns(), { ...frame, unit: this.unit });
      return;
    }
    const drawn = this.lines.map((line) => ({ colour: line.colour, values: line.track.values(history) }));
    drawLines(this.canvas, drawn, frame, this.open ? "large" : "small");
  }

  /** Frees what a card out of sight does not need. */
  hide() {
    this.visible = false;
    release(this.canvas);
  }

  /**
   * The figures at a row, largest first: what the pointer shows.
   * @param {number} index of the row in the history
   * @returns {{label: string, colour: number, text: string}[]}
   */
  at(index) {
    const unit = this.#chartUnit();
    return this.lines.map(({ label, colour, track }) => ({
      label,
      colour,
      text: formatted(unit, track.values(this.context.history)[index] ?? NaN),
    }));
  }

  #chartUnit() {
    return this.view.figures[0]?.unit(this.unit) ?? this.unit;
  }

  #build() {
    if (this.#built) return;
    this.#built = true;
    this.element.append(this.help, this.now, this.canvas, this.legend, this.detail);
    watch(this.canvas);
    this.canvas.addEventListener("sized", () => this.draw());
    this.canvas.addEventListener("resized", () => this.draw());
  }

  #buildDetail() {
    const link = element("button", { type: "button", class: "quiet" }, "Copy link");
    link.addEventListener("click", () => this.context.onLink(this));
    const buttons = element("p", { class: "buttons" }, link);
    if (this.view.word === "histogram") {
      const heat = element("button", { type: "button", class: "quiet heat", "aria-pressed": String(this.heat) }, "Heatmap");
      heat.addEventListener("click", () => {
        this.setHeat(!this.heat);
        this.context.onToggle(this);
      });
      buttons.prepend(heat);
    }
    this.#table = new SeriesTable(this);
    this.detail.replaceChildren(buttons, this.#table.element);
    this.canvas.tabIndex = 0;
  }

  /** @param {boolean} heat */
  setHeat(heat) {
    this.heat = heat;
    const button = this.detail.querySelector(".heat");
    if (button) setAttribute(button, "aria-pressed", String(heat));
    this.draw();
  }

  /** @param {Child[]} present */
  #chooseLines(present) {
    const { view } = this;
    if (view.draws === "none") return;
    if (view.draws === "figures") {
      this.lines = view.figures.map((figure, colour) => ({ key: figure.title, label: figure.title, colour, track: this.#track(figure, figure.title, this.#shown(present)) }));
      return;
    }
    const [figure] = view.figures;
    if (!figure) return;
    const { next } = this.context.history;
    const source = this.context;
    const ranked = present.map((child) => ({ child, value: figure.at(source, [child], next - 1) }));
    if (ranked.length > 1) ranked.sort((a, b) => largestFirst(a.value, b.value));
    const top = (ranked.length ? ranked.map(({ child }) => child) : this.children).slice(0, COLOURS);
    const keys = new Set(top.map((child) => child.key));
    for (const key of this.#colours.keys()) if (!keys.has(key)) this.#colours.delete(key);
    this.lines = top.map((child) => ({
      key: child.key,
      label: this.labelOf(child),
      colour: this.#colour(child.key),
      track: this.#track(figure, child.key, [child]),
    }));
  }

  /**
   * The children that quantiles are computed from: always the same array for the same children.
   * @param {Child[]} present
   */
  #shown(present) {
    return this.#terms.length && present.length ? present : this.children;
  }

  /** @param {string} key */
  #colour(key) {
    let colour = this.#colours.get(key);
    if (colour === undefined) {
      const taken = new Set(this.#colours.values());
      colour = 0;
      while (taken.has(colour)) colour++;
      this.#colours.set(key, colour);
    }
    return colour;
  }

  /**
   * @param {Figure} figure
   * @param {string} key
   * @param {Child[]} children
   */
  #track(figure, key, children) {
    const full = `${key}${this.#terms.join(" ")}`;
    let track = this.#tracks.get(full);
    if (!track) {
      const source = this.context;
      track = new Track((number) => figure.at(source, children, number));
      this.#tracks.set(full, track);
    }
    return track;
  }

  #heatColumns() {
    const { history } = this.context;
    this.#heatTrack ??= new Track((number) => bucketIncreases(history, this.children, number, 0));
    return this.#heatTrack.values(history);
  }

  /**
   * What tells a series from the others of its family.
   * @param {Child} child
   */
  labelOf(child) {
    const differing = this.labels?.differing ?? [];
    const values = differing.map((name) => child.labels.find(([label]) => label === name)?.[1] ?? "");
    return shortened(values.join(" · ") || this.view.figures[0]?.title || "");
  }

  /** @param {Child[]} present */
  #showNow(present) {
    const { history } = this.context;
    const unit = this.#chartUnit();
    /** @type {(Node | string)[]} */
    const parts = [];
    const names = [];
    if (this.view.draws === "figures") {
      for (const line of this.lines) {
        const value = line.track.latest(history) ?? NaN;
        parts.push(element("span", { class: `figure line-${line.colour + 1}` }, element("span", { class: "title" }, line.label), ...largeNumber(unit.format(value))));
        names.push(`${line.label} ${formatted(unit, value)}`);
      }
    } else if (this.view.draws === "series" && (present.length === 1 || this.view.total)) {
      const [figure] = this.view.figures;
      const value = figure?.at(this.context, present, history.next - 1) ?? NaN;
      parts.push(element("span", { class: "figure" }, ...largeNumber(unit.format(value))));
      names.push(formatted(unit, value));
    }
    if (!present.length) parts.push(element("span", { class: "count" }, "removed"));
    else if (this.children.length > 1) parts.push(element("span", { class: "count" }, `${present.length.toLocaleString("en")} series`));
    this.now.replaceChildren(...parts);
    setAttribute(this.canvas, "aria-label", `${this.family.name}, ${this.view.word}: ${names.join(", ") || `${present.length} series`}`);
  }

  /** @param {Child[]} present */
  #showLegend(present) {
    if (this.view.draws === "none") {
      const pairs = present.flatMap((child) => child.labels).filter(([name]) => !name.startsWith("dynamo_"));
      this.legend.replaceChildren(...pairs.slice(0, this.open ? 0 : 8).map(([name, value]) => element("li", { class: "pair" }, element("span", {}, name), element("b", {}, shortened(value)))));
      return;
    }
    const several = this.view.draws === "series" && this.children.length > 1 && !this.open;
    const unit = this.#chartUnit();
    const shown = several ? this.lines.slice(0, LEGEND) : [];
    const items = shown.map((line) =>
      element(
        "li",
        {},
        element("i", { class: `swatch line-${line.colour + 1}` }),
        element("span", { class: "label" }, line.label),
        element("span", { class: "value" }, formatted(unit, line.track.latest(this.context.history) ?? NaN)),
      ),
    );
    const more = present.length - shown.length;
    if (several && more > 0) items.push(element("li", { class: "more" }, `${more.toLocaleString("en")} more`));
    this.legend.replaceChildren(...items);
  }
}

/**
 * @param {Child} child
 * @param {string[]} terms
 */
function contains(child, terms) {
  const text = labelText(child);
  return terms.every((term) => text.includes(term));
}

/** @param {string} text */
function shortened(text) {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
