// The time under the pointer: one for all charts, with the values of the chart it is on.

import { clock, nearestRow, timeAt } from "./charts.js";
import { byId, element } from "./dom.js";

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./card.js").Context} Context */

export class Cursor {
  tip = byId("tip", HTMLElement);
  #frame = 0;

  /**
   * @param {Board} board
   * @param {Context} context
   */
  constructor(board, context) {
    this.board = board;
    this.context = context;
    board.place.addEventListener("pointermove", (event) => this.#point(event));
    board.place.addEventListener("pointerleave", () => this.clear());
    board.place.addEventListener("keydown", (event) => this.#key(event));
    board.place.addEventListener("focusout", () => this.clear());
  }

  clear() {
    if (this.context.cursor === null) return;
    this.context.cursor = null;
    this.tip.hidden = true;
    this.#redraw();
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const canvas = event.target;
    const card = canvas instanceof HTMLCanvasElement && canvas.parentElement?.tagName === "ARTICLE" ? this.board.cardOf(canvas) : undefined;
    if (!card) return this.clear();
    const { history, range } = this.context;
    this.#show(card, timeAt(event.offsetX, /** @type {HTMLCanvasElement} */ (canvas).clientWidth, history, range), event.clientX, event.clientY);
  }

  /**
   * The arrow keys move the cursor of an open card's chart.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    const canvas = event.target;
    if (!step || !(canvas instanceof HTMLCanvasElement)) return;
    const card = this.board.cardOf(canvas);
    const { history, cursor } = this.context;
    if (!card || !history.rows.length) return;
    event.preventDefault();
    const from = cursor === null ? history.rows.length : nearestRow(history, cursor);
    const row = history.rows[Math.min(Math.max(from + step, 0), history.rows.length - 1)];
    const { left, top } = canvas.getBoundingClientRect();
    if (row) this.#show(card, row.time, left + 60, top);
  }

  /**
   * @param {Card} card
   * @param {number} time
   * @param {number} x
   * @param {number} y
   */
  #show(card, time, x, y) {
    const index = nearestRow(this.context.history, time);
    const row = this.context.history.rows[index];
    if (!row || time < row.time - 60_000) return this.clear();
    this.context.cursor = row.time;
    const lines = card.at(index).map(({ label, colour, text }) =>
      element("li", {}, element("i", { class: `swatch line-${colour + 1}` }), element("span", { class: "label" }, label), element("span", { class: "value" }, text)),
    );
    this.tip.replaceChildren(element("time", {}, clock(row.time)), element("ul", {}, ...lines));
    this.tip.hidden = false;
    const right = x > innerWidth / 2;
    this.tip.style.left = right ? "" : `${x + 14}px`;
    this.tip.style.right = right ? `${innerWidth - x + 14}px` : "";
    this.tip.style.top = `${Math.min(y + 14, innerHeight - 60 - 20 * lines.length)}px`;
    this.#redraw();
  }

  #redraw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.board.draw());
  }
}
