// The state of the page in its URL's hash: a link shows another person the same view.

/**
 * @typedef {object} State
 * @property {string} query what is searched for
 * @property {string} kind counter, gauge, histogram or all
 * @property {number} every seconds between scrapes
 * @property {number} range minutes shown
 * @property {string[]} open keys of the cards that are open
 * @property {string[]} heat keys of the open cards that show a heatmap
 */

/** The choices of index.html; the first one of each is the default. */
const EVERY = [2, 1, 5, 10, 30];
const RANGES = [5, 1, 15];
const KINDS = ["all", "counter", "gauge", "histogram"];

/**
 * @param {string} hash with or without #; what it does not say, or says wrong, is the default
 * @returns {State}
 */
export function parseState(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {<T>(choices: T[], value: T) => T} */
  const choice = (choices, value) => (choices.includes(value) ? value : /** @type {typeof value} */ (choices[0]));
  return {
    query: fields.get("q") ?? "",
    kind: choice(KINDS, fields.get("kind") ?? ""),
    every: choice(EVERY, Number(fields.get("every"))),
    range: choice(RANGES, Number(fields.get("range"))),
    open: fields.getAll("open"),
    heat: fields.getAll("heat"),
  };
}

/**
 * The hash of a state, with # if there is anything to say.
 * @param {State} state
 */
export function formatState(state) {
  const fields = new URLSearchParams();
  if (state.query) fields.set("q", state.query);
  if (state.kind !== KINDS[0]) fields.set("kind", state.kind);
  if (state.every !== EVERY[0]) fields.set("every", String(state.every));
  if (state.range !== RANGES[0]) fields.set("range", String(state.range));
  for (const key of state.open) fields.append("open", key);
  for (const key of state.heat) fields.append("heat", key);
  const text = fields.toString();
  return text && `#${text}`;
}
