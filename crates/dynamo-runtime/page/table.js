// All series of a family as a table, the largest first.

import { watch } from "./canvas.js";
import { drawLines } from "./charts.js";
import { arrange, element, setAttribute, setText } from "./dom.js";
import { largestFirst, Track } from "./rates.js";
import { exact, formatted } from "./units.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./kinds.js").Figure} Figure */
/** @typedef {import("./reader.js").Child} Child */

/**
 * @typedef {object} TableRow
 * @property {HTMLTableRowElement} element
 * @property {HTMLDataElement[]} cells of the figures
 * @property {HTMLCanvasElement} spark
 * @property {Child[]} single the child in an array of its own
 * @property {Track | null} track
 */

/** Rows before somebody asks for more, and how many more. */
const FEW = 20;
const MORE = 200;
/** Characters of a label value before it is cut. The rest is in the cell's title. */
const LONG = 200;

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
    this.more = element("button", { type: "button", class: "quiet" });
    this.more.addEventListener("click", () => {
      this.#limit += MORE;
      this.card.update();
    });
    const caption = element("caption", { class: "unseen" }, `Series of ${card.family.name}`);
    const table = element("table", {}, caption, element("thead", {}, this.head), this.body);
    this.element = element("div", {}, this.same, element("div", { class: "scroll" }, table), this.more);
  }

  /** Forgets rows and what they have computed. */
  clear() {
    this.#rows.clear();
    this.#columns = "";
  }

  /** @param {Child[]} present */
  update(present) {
    const { context, view } = this.card;
    const { columns } = view;
    const [first] = columns;
    const last = context.history.next - 1;
    this.#showHead();
    const ranked = present.map((child) => ({ child, value: first?.at(context, [child], last) ?? NaN }));
    ranked.sort((a, b) => largestFirst(a.value, b.value));
    const shown = ranked.slice(0, this.#limit).map(({ child }) => child);
    const kept = new Set(shown);
    for (const child of this.#rows.keys()) if (!kept.has(child)) this.#rows.delete(child);
    const rows = shown.map((child) => this.#row(child));
    arrange(this.body, rows.map((row) => row.element));
    for (const row of rows) this.#showRow(row, last);
    const left = present.length - shown.length;
    this.more.hidden = left <= 0;
    setText(this.more, `Show ${Math.min(left, MORE).toLocaleString("en")} more of ${left.toLocaleString("en")}`);
  }

  #showHead() {
    const { labels, view } = this.card;
    const differing = labels?.differing ?? [];
    const titles = [...differing, ...view.columns.map((column) => column.title)];
    const key = JSON.stringify([titles, labels?.same]);
    if (key === this.#columns) return;
    this.#rows.clear();
    this.#columns = key;
    const sparks = view.draws === "none" ? [] : [element("th", { scope: "col", class: "spark" }, this.card.view.columns[0]?.title ?? "")];
    this.head.replaceChildren(
      ...differing.map((name) => element("th", { scope: "col" }, name)),
      ...sparks,
      ...view.columns.map((column, index) => element("th", { scope: "col", class: "number" }, index === 0 && sparks.length ? "now" : column.title)),
    );
    this.same.replaceChildren(...(labels?.same ?? []).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  }

  /** @param {Child} child */
  #row(child) {
    const known = this.#rows.get(child);
    if (known) return known;
    const { context, labels, view } = this.card;
    const single = [child];
    const [first] = view.columns;
    const cells = view.columns.map(() => element("data"));
    const spark = element("canvas", { role: "presentation" });
    watch(spark);
    const row = {
      element: element("tr"),
      cells,
      spark,
      single,
      track: first && view.draws !== "none" ? new Track((number) => first.at(context, single, number)) : null,
    };
    const values = (labels?.differing ?? []).map((name) => child.labels.find(([label]) => label === name)?.[1] ?? "");
    row.element.append(
      ...values.map((value) => element("td", value.length > LONG ? { title: value.slice(0, 2000) } : {}, value.length > LONG ? `${value.slice(0, LONG)}…` : value)),
      ...(row.track ? [element("td", { class: "spark" }, spark)] : []),
      ...cells.map((cell) => element("td", { class: "number" }, cell)),
    );
    spark.addEventListener("sized", () => this.#drawSpark(row));
    this.#rows.set(child, row);
    return row;
  }

  /**
   * @param {TableRow} row
   * @param {number} last
   */
  #showRow(row, last) {
    const { context, unit, view } = this.card;
    view.columns.forEach((column, index) => {
      const cell = /** @type {HTMLDataElement} */ (row.cells[index]);
      const value = column.at(context, row.single, last);
      setText(cell, column.exact ? exact(value) : formatted(column.unit(unit), value));
      setAttribute(cell, "value", String(value));
    });
    this.#drawSpark(row);
  }

  /** @param {TableRow} row */
  #drawSpark({ spark, track }) {
    const { context, unit, view } = this.card;
    const { history, range } = context;
    if (!track) return;
    drawLines(spark, [{ colour: 0, values: track.values(history) }], { history, range, unit, fromZero: view.fromZero, cursor: null }, "spark");
  }
}
