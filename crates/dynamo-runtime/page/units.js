// Units, told from names, and numbers as people read them.

/**
 * @typedef {object} Unit
 * @property {(value: number) => [number: string, symbol: string]} format
 * @property {string} word for the ear: what stands behind a number that is read out
 */

const MINUS = "\u2212";

/**
 * Three significant digits of a value below 1,000.
 * @param {number} value
 */
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = size.toFixed(places);
  return (value < 0 ? MINUS : "") + (Number.isInteger(value) ? String(size) : text);
}

/**
 * @param {[factor: number, symbol: string][]} steps largest first
 * @returns {(value: number) => [string, string]}
 */
function scaled(steps) {
  return (value) => {
    if (!Number.isFinite(value)) return [special(value), steps.find(([factor]) => factor === 1)?.[1] ?? ""];
    const size = Math.abs(value);
    // 999.6 of a step reads 1,000: that is the next one.
    const step = steps.find(([factor]) => size >= factor * 0.9995) ?? steps[steps.length - 1];
    const [factor, symbol] = value === 0 ? (steps.find(([factor]) => factor === 1) ?? [1, ""]) : (step ?? [1, ""]);
    return [digits(value / factor), symbol];
  };
}

/** @param {number} value */
function special(value) {
  if (Number.isNaN(value)) return "–";
  return value > 0 ? "+Inf" : `${MINUS}Inf`;
}

/** @param {number} value @returns {[string, string]} */
function duration(value) {
  const size = Math.abs(value);
  if (size >= 120 && Number.isFinite(value)) {
    /** @type {[number, string, number, string][]} */
    const steps = [
      [86400, "d", 3600, "h"],
      [3600, "h", 60, "min"],
      [60, "min", 1, "s"],
    ];
    const [large, name, small, rest] = /** @type {[number, string, number, string]} */ (steps.find(([step]) => size >= step));
    const whole = Math.floor(size / large);
    const left = Math.floor((size - whole * large) / small);
    return [`${value < 0 ? MINUS : ""}${whole} ${name}${left ? ` ${left}` : ""}`, left ? rest : ""];
  }
  return shortDuration(value);
}

const shortDuration = scaled([[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]]);
const large = scaled([[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]);

/** @param {number} value @returns {[string, string]} */
function plain(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e5) return [grouped(value), ""];
  if (size >= 1e4 || !Number.isFinite(value)) return large(value);
  if (size >= 1e3) return [grouped(Math.round(value)), ""];
  if (size !== 0 && size < 1e-3) return [value.toExponential(1).replaceAll("-", MINUS), ""];
  return [digits(value), ""];
}

/** @param {number} value @returns {[string, string]} */
const percent = (value) => (Number.isFinite(value) ? [digits(value), "%"] : [special(value), ""]);

/**
 * @param {string} symbol
 * @param {string} word
 * @returns {Unit}
 */
const suffixed = (symbol, word) => ({
  word,
  format: (value) => {
    const [number, scale] = plain(value);
    return [number, scale + symbol];
  },
});

/** @type {Unit} */
const PLAIN = { word: "", format: plain };
/** @type {Unit} */
const SECONDS = { word: "seconds", format: duration };
/** @type {Unit} */
const BYTES = {
  word: "bytes",
  format: scaled([[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]]),
};
/** A share from 0 to 1. @type {Unit} */
const SHARE = { word: "percent", format: (value) => percent(value * 100) };
/** A moment, in seconds since 1970. @type {Unit} */
const MOMENT = {
  word: "",
  format: (value) => {
    const date = new Date(value * 1000);
    if (!(value > 0) || Number.isNaN(date.getTime())) return [special(value), ""];
    const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return [`${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`, ""];
  },
};

/**
 * @param {Unit} unit
 * @param {number} factor
 * @returns {Unit}
 */
const times = (unit, factor) => ({ word: unit.word, format: (value) => unit.format(value * factor) });

/** The last words of names, the longer ones first. @type {[RegExp, Unit][]} */
const BY_NAME = [
  [/(_created|_start_time_seconds|_timestamp_seconds|_timestamp)$/, MOMENT],
  [/_(milliseconds|ms)$/, times(SECONDS, 1e-3)],
  [/_(microseconds|us)$/, times(SECONDS, 1e-6)],
  [/_(nanoseconds|ns)$/, times(SECONDS, 1e-9)],
  [/_seconds$/, SECONDS],
  [/_(bytes|bytes_per_gpu)$/, BYTES],
  [/_(ratio|perc|cache_usage_percent|hit_rate)$/, SHARE], // vLLM's _perc is a share: 1 is 100 %
  [/_percent$/, { word: "percent", format: percent }],
  [/_celsius$/, suffixed("°C", "degrees Celsius")],
  [/_joules$/, suffixed("J", "joules")],
  [/_watts$/, suffixed("W", "watts")],
  [/_hertz$/, suffixed("Hz", "hertz")],
];

/**
 * The unit of a family's values, by the end of its name.
 * @param {string} name
 * @returns {Unit}
 */
export function unitOf(name) {
  const base = name.replace(/_total$/, "");
  return BY_NAME.find(([ending]) => ending.test(base))?.[1] ?? PLAIN;
}

/**
 * The unit of a counter's rate.
 * @param {Unit} unit
 * @returns {Unit}
 */
export function perSecond(unit) {
  const base = unit === SECONDS ? { ...SECONDS, format: shortDuration } : unit === MOMENT ? PLAIN : unit;
  return {
    word: `${base.word} per second`.trim(),
    format: (value) => {
      const [number, symbol] = base.format(value);
      return [number, `${symbol}/s`];
    },
  };
}

/**
 * A value with its unit in one text.
 * @param {Unit} unit
 * @param {number} value
 */
export function formatted(unit, value) {
  const [number, symbol] = unit.format(value);
  return symbol && number !== "–" ? `${number}\u202f${symbol}` : number;
}

/**
 * A number with all its digits, as the exposition has it.
 * @param {number} value
 */
export function exact(value) {
  return Number.isFinite(value) ? grouped(value) : Number.isNaN(value) ? "NaN" : special(value);
}

/** @param {number} value */
function grouped(value) {
  const text = String(value).replace("-", MINUS);
  const [whole = "", rest] = text.split(".");
  if (/e/.test(text)) return text;
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? groups : `${groups}.${rest}`;
}

/** Seconds: uptimes, ages. */
export const seconds = SECONDS;
/** A share from 0 to 1, shown in percent. */
export const share = SHARE;
/** Bytes, in binary steps. */
export const bytes = BYTES;
/** Numbers without a unit. */
export const number = PLAIN;
