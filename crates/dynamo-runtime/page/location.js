// The state of the page in its URL's hash: a link shows another person the same view.

/** Seconds between scrapes, minutes shown: the choices and the defaults. */
export const CHOICES = { every: [1, 2, 5, 10, 30], range: [1, 5, 15] };
const DEFAULTS = { every: 2, range: 5 };
const NUMBERS = /** @type {const} */ (["every", "range"]);

/** @param {string} hash with or without #; what it does not say, or says wrong, is the default @returns {State} */
export function parseState(hash) {
	const fields = new URLSearchParams(hash.replace(/^#/, ""));
	const state = { query: fields.get("q") ?? "", ...DEFAULTS, open: fields.getAll("open"), heat: fields.getAll("heat") };
	for (const name of NUMBERS) {
		const value = Number(fields.get(name));
		if (CHOICES[name].includes(value)) state[name] = value;
	}
	return state;
}

/** The hash of a state, with # if there is anything to say. @param {State} state */
export function formatState(state) {
	const fields = new URLSearchParams();
	if (state.query) fields.set("q", state.query);
	for (const name of NUMBERS) if (state[name] !== DEFAULTS[name]) fields.set(name, String(state[name]));
	for (const name of /** @type {const} */ (["open", "heat"])) for (const key of state[name]) fields.append(name, key);
	const text = fields.toString();
	return text && `#${text}`;
}
