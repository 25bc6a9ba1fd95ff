// The page: asks, reads, keeps, draws.

import { Board } from "./board.js";
import { Cursor } from "./cursor.js";
import { byId, setAttribute, setText } from "./dom.js";
import { Header } from "./header.js";
import { History } from "./history.js";
import { formatState, parseState } from "./location.js";
import { Notices, SLOW } from "./notices.js";
import { Overview } from "./overview.js";
import { Poller } from "./poller.js";
import { Reader } from "./reader.js";
import { bytes, formatted } from "./units.js";

/** @typedef {import("./poller.js").Scrape} Scrape */

/** Seconds over which rates and quantiles are computed, by the minutes shown. @type {Record<number, number>} */
const WINDOWS = { 1: 10, 5: 30, 15: 60 };

const search = byId("search", HTMLInputElement);
const kind = byId("kind", HTMLSelectElement);
const every = byId("every", HTMLSelectElement);
const range = byId("range", HTMLSelectElement);
const pause = byId("pause", HTMLButtonElement);
const empty = byId("empty", HTMLElement);
const measured = byId("measured", HTMLElement);
const said = byId("said", HTMLElement);

const state = parseState(location.hash);
const reader = new Reader();
const history = new History();

/** @type {import("./card.js").Context} */
const context = {
  reader,
  history,
  window: 0,
  range: 0,
  cursor: null,
  onToggle: () => keepState(),
  onLink: (card) => void copyLink(card.key, card.heat),
};
const header = new Header();
const notices = new Notices();
const overview = new Overview(byId("overview", HTMLElement), context);
const board = new Board(byId("families", HTMLElement), byId("contents", HTMLElement), empty, context);
new Cursor(board, context);

/** @param {string} name */
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
const poller = new Poller(meta("metrics-path"), meta("health-path"), onScrape, (failure) => {
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
  history.push({ time, values: reading.row, resumed, restarted });
  const parsed = performance.now();
  let { changed } = reading;
  // A series leaves the page with the last row that has it.
  if (reader.reads % 32 === 0) changed = reader.prune(reader.reads - history.rows.length) || changed;
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
  board.update();
  const drawn = performance.now();
  performance.measure("poll", { start: begin, end: drawn });
  const size = formatted(bytes, text.length);
  setText(
    measured,
    `${reader.families.size.toLocaleString("en")} families · ${reading.samples.toLocaleString("en")} samples · ${size} in ${took.toFixed(0)} ms · read in ${(parsed - begin).toFixed(1)} ms, shown in ${(drawn - parsed).toFixed(1)} ms`,
  );
  setAttribute(measured, "data-milliseconds", (drawn - begin).toFixed(2));
  setAttribute(document.body, "data-scrapes", String(reader.reads));
}

/** Does as the state says. */
function applyState() {
  search.value = state.query;
  kind.value = state.kind;
  every.value = String(state.every);
  range.value = String(state.range);
  context.range = state.range * 60_000;
  const window = (WINDOWS[state.range] ?? 30) * 1000;
  if (window !== context.window) {
    context.window = window;
    board.reset();
    overview.find();
  }
  setText(byId("window", HTMLElement), `rates over ${window / 1000} s`);
  board.filter(state.query, state.kind);
  if (poller.interval !== state.every * 1000) poller.setInterval(state.every * 1000);
  if (history.rows.length) {
    overview.update();
    board.update();
  }
}

/** Writes the state into the URL, without an entry in the browser's history. */
function keepState() {
  if (board.cards.size) {
    const cards = [...board.cards.values()].filter((card) => card.open);
    state.open = cards.map((card) => card.key);
    state.heat = cards.filter((card) => card.heat).map((card) => card.key);
  }
  window.history.replaceState(null, "", formatState(state) || location.pathname + location.search);
}

/**
 * @param {string} key
 * @param {boolean} heat
 */
async function copyLink(key, heat) {
  const url = new URL(location.href);
  url.hash = formatState({ ...state, open: [key], heat: heat ? [key] : [] });
  try {
    await navigator.clipboard.writeText(url.href);
    setText(said, "Link copied.");
  } catch {
    // Browsers give the clipboard to pages of https and localhost only.
    location.hash = url.hash;
    setText(said, "The link is in the address bar.");
  }
}

search.addEventListener("input", () => {
  state.query = search.value;
  const found = board.filter(state.query, state.kind);
  board.update();
  setText(said, `${found} ${found === 1 ? "family" : "families"} found`);
  keepState();
});
for (const [control, name] of /** @type {const} */ ([[every, "every"], [range, "range"]])) {
  control.addEventListener("change", () => {
    state[name] = Number(control.value);
    applyState();
    keepState();
  });
}
kind.addEventListener("change", () => {
  state.kind = kind.value;
  applyState();
  keepState();
});
pause.addEventListener("click", () => {
  poller.paused = !poller.paused;
  setAttribute(pause, "aria-pressed", String(poller.paused));
  setText(pause, poller.paused ? "Resume" : "Pause");
  poller.restart();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === "Escape" && event.target === search && search.value) {
    search.value = "";
    search.dispatchEvent(new Event("input"));
  }
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
