// The page: asks, reads, keeps, draws.

import { Board } from "./board.js";
import { Cursor } from "./cursor.js";
import { byId, setAttribute, setText } from "./dom.js";
import { Header } from "./header.js";
import { CHOICES, formatState, parseState } from "./location.js";
import { Notices, SLOW } from "./notices.js";
import { Overview } from "./overview.js";
import { Poller } from "./poller.js";
import { Reader } from "./reader.js";
import { Timeline } from "./timeline.js";
import { BYTES, exact, formatted } from "./units.js";

/** Seconds over which rates and quantiles are computed, by the minutes shown. @type {Record<number, number>} */
const WINDOWS = { 1: 10, 5: 30, 15: 60 };

const search = byId("search", HTMLInputElement);
const every = byId("every", HTMLSelectElement);
const range = byId("range", HTMLSelectElement);
const pause = byId("pause", HTMLButtonElement);
const measured = byId("measured");

const state = parseState(location.hash);
const reader = new Reader();
const timeline = new Timeline();

/** @type {Context} */
const context = { reader, timeline, window: 0, range: 0, cursor: null, onToggle: keepState };
const header = new Header();
const notices = new Notices();
const overview = new Overview(context);
const board = new Board(context);
new Cursor(board);

const [metrics, health] = ["metrics", "health"].map((id) => byId(id, HTMLAnchorElement).href);
const poller = new Poller(metrics, health, onScrape, (failure) => {
	notices.showFailure(failure);
	notices.showSlow(null);
	header.lost();
});

/** Uptime of the last scrape, in seconds: a smaller one is another process. */
let uptime = 0;

/** @param {Scrape} scrape */
function onScrape({ text, health, time, took, resumed }) {
	const begin = performance.now();
	const reading = reader.read(text);
	const restarted = health !== null && health.uptime < uptime;
	uptime = health?.uptime ?? uptime;
	timeline.push({ time, values: reading.values, resumed, restarted });
	const parsed = performance.now();
	let { changed } = reading;
	// A series leaves the page with the last row that has it.
	if (reader.reads % 32 === 0) changed = reader.prune(reader.reads - timeline.rows.length) || changed;
	if (changed) {
		board.rebuild();
		overview.find();
		header.name(reader);
		if (reader.reads === 1) board.setOpen(state.open, state.heat);
	}
	header.show(health);
	notices.showFailure(null);
	notices.showSlow(took);
	notices.showBroken(reading.bad);
	overview.update();
	board.all("update");
	const drawn = performance.now();
	const read = `${exact(reader.families.size)} families · ${exact(reading.samples)} samples · ${formatted(BYTES, text.length)} in ${took.toFixed(0)} ms`;
	setText(measured, `${read} · read in ${(parsed - begin).toFixed(1)} ms, shown in ${(drawn - parsed).toFixed(1)} ms`);
	setAttribute(measured, "data-milliseconds", (drawn - begin).toFixed(2));
	setAttribute(document.body, "data-scrapes", String(reader.reads));
}

/** Does as the state says. */
function applyState() {
	search.value = state.query;
	every.value = String(state.every);
	range.value = String(state.range);
	context.range = state.range * 60_000;
	const window = (WINDOWS[state.range] ?? 30) * 1000;
	if (window !== context.window) {
		context.window = window;
		board.all("reset");
		overview.find(true);
	}
	setText(byId("window"), `rates over ${window / 1000} s`);
	board.filter(state.query);
	if (poller.interval !== state.every * 1000) {
		poller.interval = state.every * 1000;
		poller.restart();
	}
	if (timeline.rows.length) {
		overview.update();
		board.all("update");
	}
}

/** Writes the state into the URL, without an entry in the browser's history. */
function keepState() {
	if (board.cards.size) {
		const cards = [...board.cards.values()].filter((card) => card.open);
		state.open = cards.map((card) => card.key);
		state.heat = cards.filter((card) => card.heat).map((card) => card.key);
	}
	history.replaceState(null, "", formatState(state) || location.pathname + location.search);
}

search.addEventListener("input", () => {
	state.query = search.value;
	const found = board.filter(state.query);
	board.all("update");
	setText(byId("said"), `${found} ${found === 1 ? "family" : "families"} found`);
	keepState();
});
for (const [control, name, unit] of /** @type {const} */ ([[every, "every", "s"], [range, "range", "min"]])) {
	for (const choice of CHOICES[name]) control.add(new Option(`${choice} ${unit}`, String(choice)));
	control.addEventListener("change", () => {
		state[name] = Number(control.value);
		applyState();
		keepState();
	});
}
pause.addEventListener("click", () => {
	poller.paused = !poller.paused;
	setAttribute(pause, "aria-pressed", String(poller.paused));
	poller.restart();
});
document.addEventListener("keydown", (event) => {
	if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target === search) return;
	event.preventDefault();
	search.focus();
});
window.addEventListener("hashchange", () => {
	Object.assign(state, parseState(location.hash));
	board.setOpen(state.open, state.heat);
	applyState();
});
// An answer that does not come is shown before it fails.
setInterval(() => {
	if (poller.asked === null) return;
	const waited = performance.now() - poller.asked;
	if (waited > 3 * SLOW) notices.showSlow(waited);
}, SLOW);

applyState();
poller.restart();
