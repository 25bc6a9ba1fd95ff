// Units, derived from names, and numbers as people read them.

const MINUS = "\u2212";

/** Three significant digits of a value below 1,000. @param {number} value */
function digits(value) {
	const size = Number(Math.abs(value).toPrecision(9)); // 50 for 5e-8 / 1e-9
	const places = Number.isInteger(size) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
	return (value < 0 ? MINUS : "") + size.toFixed(places);
}

/** @param {number} value */
function special(value) {
	return Number.isNaN(value) ? "–" : value > 0 ? "+Inf" : `${MINUS}Inf`;
}

/** @param {[factor: number, symbol: string][]} steps largest first @returns {(value: number) => Formatted} */
function scaled(steps) {
	const base = steps.find(([factor]) => factor === 1)?.[1] ?? "";
	return (value) => {
		if (!Number.isFinite(value)) return [special(value), base];
		if (value === 0) return ["0", base];
		// 999.6 of a step would read 1000: the next one has it.
		const [factor, symbol] = steps.find(([factor]) => Math.abs(value) >= factor * 0.9995) ?? steps[steps.length - 1];
		return [digits(value / factor), symbol];
	};
}

const short = scaled([[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]]);
const large = scaled([[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]);
/** @type {[seconds: number, symbol: string, smaller: number, its: string][]} */
const LONG = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

/** @param {number} value @returns {Formatted} */
function duration(value) {
	const step = LONG.find(([seconds]) => value >= Math.max(seconds, 120));
	if (!step || value === Infinity) return short(value);
	const [seconds, symbol, smaller, its] = step;
	const rest = Math.floor((value % seconds) / smaller);
	return [`${Math.floor(value / seconds)}\u202f${symbol}${rest ? ` ${rest}` : ""}`, rest ? its : ""];
}

/** @param {number} value @returns {Formatted} */
function plain(value) {
	const size = Math.abs(value);
	if (Number.isInteger(value) && size < 1e5) return [exact(value), ""];
	if (size >= 1e4 || Number.isNaN(size)) return large(value);
	if (size >= 1e3) return [exact(Math.round(value)), ""];
	return [size < 1e-3 ? value.toExponential(1).replaceAll("-", MINUS) : digits(value), ""];
}

/** @param {number} value @returns {Formatted} */
const percent = (value) => (Number.isFinite(value) ? [digits(value), "%"] : [special(value), ""]);

/** A moment, in seconds since 1970. @param {number} value @returns {Formatted} */
function moment(value) {
	const date = new Date(value * 1000);
	if (!(value > 0) || Number.isNaN(date.getTime())) return plain(value);
	date.setMinutes(date.getMinutes() - date.getTimezoneOffset());
	return [date.toISOString().slice(0, 19).replace("T", " "), ""];
}

/** Numbers without a unit. @type {Unit} */
export const NUMBER = { format: plain };
/** @type {Unit} */
export const SECONDS = { format: duration };
/** @type {Unit} */
export const BYTES = { bytes: true, format: scaled([[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]]) };
/** From 0 to 1, shown in percent. @type {Unit} */
export const SHARE = { format: (value) => percent(value * 100) };

/** By the last words of names. @type {[RegExp, Unit][]} */
const BY_NAME = [
	[/(_created|_start_time_seconds|_timestamp_seconds|_timestamp)$/, { format: moment }],
	[/_(milliseconds|ms)$/, { format: (value) => duration(value / 1000) }],
	[/_seconds$/, SECONDS],
	[/_bytes(_per_gpu)?$/, BYTES],
	[/_(ratio|perc|cache_usage_percent|hit_rate)$/, SHARE], // vLLM's _perc is a share: 1 is 100 %
	[/_percent$/, { format: percent }],
];

/** The unit of a family's values. @param {string} name */
export function unitOf(name) {
	const base = name.replace(/_total$/, "");
	return BY_NAME.find(([ending]) => ending.test(base))?.[1] ?? NUMBER;
}

/** The unit of a counter's rate. @param {Unit} unit @returns {Unit} */
export function perSecond(unit) {
	const format = unit === SECONDS ? short : unit.format;
	return {
		...unit,
		format: (value) => {
			const [number, symbol] = format(value);
			return [number, `${symbol}/s`];
		},
	};
}

/** A value with its unit in one text. @param {Unit} unit @param {number} value */
export function formatted(unit, value) {
	const [number, symbol] = unit.format(value);
	return symbol && number !== "–" ? `${number}\u202f${symbol}` : number;
}

/** A number with all its digits, as the exposition has it. @param {number} value */
export function exact(value) {
	if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : special(value);
	const [whole, rest] = String(value).replaceAll("-", MINUS).split(".");
	const groups = whole.includes("e") ? whole : whole.replace(/\B(?=(\d{3})+$)/g, ",");
	return rest === undefined ? groups : `${groups}.${rest}`;
}
