// The time under the pointer: one for all charts, with the values of the chart it is on.

import { clock, nearestRow, timeAt } from "./charts.js";
import { byId, element } from "./dom.js";

export class Cursor {
	tip = byId("tip");
	#frame = 0;

	/** @param {Board} board */
	constructor(board) {
		this.board = board;
		this.context = board.context;
		const { place } = board;
		place.addEventListener("pointermove", (event) => this.#point(event));
		place.addEventListener("keydown", (event) => this.#key(event));
		for (const end of ["pointerleave", "focusout"]) place.addEventListener(end, () => this.clear());
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
		const card = canvas instanceof HTMLCanvasElement && canvas.matches("article > *") ? this.board.cardOf(canvas) : undefined;
		if (!card) return this.clear();
		const { timeline, range } = this.context;
		this.#show(card, timeAt(event.offsetX, card.canvas.clientWidth, timeline, range), event.clientX, event.clientY);
	}

	/** The arrow keys move the cursor of an open card's chart. @param {KeyboardEvent} event */
	#key(event) {
		const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
		const canvas = event.target;
		if (!step || !(canvas instanceof HTMLCanvasElement)) return;
		const card = this.board.cardOf(canvas);
		const { timeline, cursor } = this.context;
		if (!card) return;
		event.preventDefault();
		const from = cursor === null ? timeline.rows.length : nearestRow(timeline, cursor);
		const row = timeline.rows[Math.min(Math.max(from + step, 0), timeline.rows.length - 1)];
		const { left, top } = canvas.getBoundingClientRect();
		this.#show(card, row.time, left + 60, top);
	}

	/** @param {Card} card @param {number} time @param {number} x @param {number} y */
	#show(card, time, x, y) {
		const index = nearestRow(this.context.timeline, time);
		const row = this.context.timeline.rows[index];
		if (!row || time < row.time - 60_000) return this.clear();
		this.context.cursor = row.time;
		const lines = card.at(index);
		this.tip.replaceChildren(element("time", {}, clock(row.time)), element("ul", {}, ...lines));
		this.tip.hidden = false;
		const { style, offsetWidth } = this.tip;
		style.left = `${x > innerWidth / 2 ? x - offsetWidth - 14 : x + 14}px`;
		style.top = `${Math.min(y + 14, innerHeight - 60 - 20 * lines.length)}px`;
		this.#redraw();
	}

	#redraw() {
		cancelAnimationFrame(this.#frame);
		this.#frame = requestAnimationFrame(() => this.board.all("draw"));
	}
}
