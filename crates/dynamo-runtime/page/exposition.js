// The grammar of one line: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 1.

/** A line that breaks the format. The message says which rule. */
export class LineError extends Error {}

const QUOTED = String.raw`"([^"\\]*(?:\\["\\n][^"\\]*)*)"`;
const NAME = /[A-Za-z_:][\w:]*/y;
const LABEL = new RegExp(String.raw`[ \t]*(?:([A-Za-z_]\w*)|${QUOTED})[ \t]*(?:=[ \t]*${QUOTED})?[ \t]*(?:,|(?=}))`, "y");
const OPEN = /[ \t]*\{/y;
const CLOSE = /[ \t]*\}/y;
const TOKEN = /[ \t]*([^ \t#]+)/y;
const EXEMPLAR = /[ \t]*#[ \t]*(?={)/y;
const BLANKS = /[ \t]*/y;
const END = /[ \t]*$/y;
const METADATA = new RegExp(String.raw`^#[ \t]+(HELP|TYPE|UNIT)[ \t]+(?:(${NAME.source})|${QUOTED})(?:[ \t]+(.*))?$`);

/** @type {Record<string, string>} */
const ESCAPES = { "\\n": "\n", "\\\\": "\\", '\\"': '"' };
/** @param {string} text */
const unescaped = (text) => (text.includes("\\") ? text.replace(/\\["\\n]/g, (escape) => ESCAPES[escape]) : text);

/** @param {string} token @returns {number | undefined} undefined if the token is not a number */
export function parseValue(token) {
	const value = Number(token);
	// Number() also reads an empty text and the prefixes 0x, 0o and 0b, which no format has.
	if (value === value) return token === "" || "xob".includes(token.charAt(1).toLowerCase() || "-") ? undefined : value;
	const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i.exec(token);
	return special ? (special[2] ? (special[1] === "-" ? -Infinity : Infinity) : NaN) : undefined;
}

/** Reads a line from left to right. */
class Line {
	at = 0;

	/** @param {string} text */
	constructor(text) {
		this.text = text;
	}

	/** Takes what a sticky pattern finds here, if anything. @param {RegExp} pattern */
	take(pattern) {
		pattern.lastIndex = this.at;
		const found = pattern.exec(this.text);
		if (found) this.at = pattern.lastIndex;
		return found;
	}

	/** Takes labels up to `}`. A quoted text that no = follows is the metric's name. @param {(name: string) => void} [named] */
	labels(named) {
		/** @type {Label[]} */
		const labels = [];
		while (!this.take(CLOSE)) {
			const [, plain, quoted, value] = this.take(LABEL) ?? [];
			const name = plain ?? unescaped(quoted ?? "");
			if (value !== undefined) labels.push([name, unescaped(value)]);
			else if (quoted !== undefined && named) named(name);
			else throw new LineError(`the labels have an error after ${JSON.stringify(this.text.slice(0, this.at).slice(-40))}`);
		}
		return labels;
	}

	/** @param {string} what */
	number(what) {
		const token = this.take(TOKEN)?.[1];
		if (token === undefined) throw new LineError(`the ${what} is missing`);
		const value = parseValue(token);
		if (value === undefined) throw new LineError(`the ${what} ${JSON.stringify(token)} is not a number`);
		return value;
	}
}

/** @param {string} text @returns {SampleLine} */
export function parseSample(text) {
	const line = new Line(text);
	line.take(BLANKS);
	let name = line.take(NAME)?.[0] ?? "";
	const labels = line.take(OPEN) ? line.labels(name ? undefined : (quoted) => void (name = quoted)) : [];
	if (!name) throw new LineError("the metric name is missing or begins with another character than a letter, _ or :");
	line.take(BLANKS);
	const prefix = line.at;
	const value = line.number("value");
	const timestamp = line.take(/(?=[ \t]+[^ \t#])/y) ? line.number("timestamp") : null;
	const exemplar = line.take(EXEMPLAR) && line.take(OPEN) ? { labels: line.labels(), value: line.number("exemplar's value") } : null;
	if (exemplar) line.take(TOKEN);
	if (!line.take(END)) throw new LineError("something follows the value");
	return { name, labels, value, prefix, timestamp, exemplar };
}

/** HELP, TYPE or UNIT; null for another comment. @param {string} line @returns {MetadataLine | null} */
export function parseMetadata(line) {
	const [, keyword, name, quoted, text = ""] = METADATA.exec(line) ?? [];
	if (keyword) return { keyword, name: name ?? unescaped(quoted), text: keyword === "HELP" ? unescaped(text) : text.trim() };
	if (/^#[ \t]+(HELP|TYPE|UNIT)[ \t]/.test(line)) throw new LineError("it does not name a metric");
	return null;
}
