// The grammar of one line: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 1.

/** @typedef {[name: string, value: string]} Label */

/**
 * A sample line. `prefix` is the length of the part before the value, which a scrape repeats.
 * @typedef {object} SampleLine
 * @property {string} name
 * @property {Label[]} labels in the order of the line
 * @property {number} value
 * @property {number} prefix
 * @property {string} timestamp as written; empty without one
 * @property {{labels: Label[], value: number} | null} exemplar
 */

/**
 * A comment line that has a meaning: HELP, TYPE, UNIT or EOF.
 * @typedef {object} MetadataLine
 * @property {"HELP" | "TYPE" | "UNIT" | "EOF"} keyword
 * @property {string} name
 * @property {string} text
 */

/** A line that breaks the exposition format. The message says which rule. */
export class LineError extends Error {
  /**
   * @param {string} reason
   * @param {number} column counted from 0
   */
  constructor(reason, column) {
    super(reason);
    this.column = column;
  }
}

const NAME = /[A-Za-z_:][A-Za-z0-9_:]*/y;
const LABEL_NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const BLANKS = /[ \t]*/y;
const TOKEN = /[^ \t#]+/y;
const METADATA = /^#[ \t]+(HELP|TYPE|UNIT)[ \t]+/;

/** @type {Record<string, string>} */
const ESCAPES = { n: "\n", "\\": "\\", '"': '"' };

/** Reads one line from left to right. */
class Cursor {
  /** @param {string} line */
  constructor(line) {
    this.line = line;
    this.at = 0;
  }

  /** The character here, empty at the end of the line. */
  here() {
    return this.line.charAt(this.at);
  }

  /**
   * Takes what a sticky pattern matches here, possibly nothing.
   * @param {RegExp} pattern
   */
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.line)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  skipBlanks() {
    this.take(BLANKS);
  }

  /**
   * @param {RegExp} pattern
   * @param {string} what
   */
  word(pattern, what) {
    const word = this.take(pattern);
    if (word === "") throw this.error(this.here() ? `${what} cannot begin with ${JSON.stringify(this.here())}` : `${what} is missing`);
    return word;
  }

  quoted() {
    let text = "";
    let start = ++this.at;
    for (;;) {
      const char = this.here();
      if (char === "") throw this.error('the closing " is missing');
      if (char === '"') break;
      this.at++;
      if (char !== "\\") continue;
      const escaped = ESCAPES[this.here()];
      if (escaped === undefined) throw this.error(`\\${this.here()} is no escape: use \\\\, \\" or \\n`);
      text += this.line.slice(start, this.at - 1) + escaped;
      start = ++this.at;
    }
    text += this.line.slice(start, this.at);
    this.at++;
    return text;
  }

  /**
   * Takes `{...}`. A quoted text that no `=` follows is the metric's name.
   * @param {(name: string) => void} [named]
   */
  labels(named) {
    /** @type {Label[]} */
    const labels = [];
    this.at++;
    for (this.skipBlanks(); this.here() !== "}"; this.skipBlanks()) {
      const quoted = this.here() === '"';
      const name = quoted ? this.quoted() : this.word(LABEL_NAME, "a label name");
      this.skipBlanks();
      if (this.here() === "=") {
        this.at++;
        this.skipBlanks();
        if (this.here() !== '"') throw this.error(`the value of the label ${name} is not in quotes`);
        labels.push([name, this.quoted()]);
      } else if (quoted && named) {
        named(name);
      } else {
        throw this.error(`= is missing after the label name ${name}`);
      }
      this.skipBlanks();
      if (this.here() === ",") this.at++;
      else if (this.here() !== "}") throw this.error("neither , nor } follows a label");
    }
    this.at++;
    return labels;
  }

  value() {
    const start = this.at;
    const token = this.take(TOKEN);
    const value = parseValue(token);
    if (value !== undefined) return value;
    this.at = start;
    throw this.error(token ? `${JSON.stringify(token)} is not a number` : "the value is missing");
  }

  /** @param {string} reason */
  error(reason) {
    return new LineError(reason, this.at);
  }
}

/**
 * @param {string} token
 * @returns {number | undefined} undefined if the token is no number
 */
export function parseValue(token) {
  const value = Number(token);
  if (value === value) {
    // Number() also reads an empty text and the prefixes 0x, 0o, 0b, which are no samples.
    const second = token.charCodeAt(1) | 32;
    return token === "" || second === 120 || second === 111 || second === 98 ? undefined : value;
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(token);
  if (!special) return undefined;
  if (special[2]?.toLowerCase() === "nan") return NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}

/**
 * @param {string} line
 * @returns {SampleLine}
 * @throws {LineError}
 */
export function parseSample(line) {
  const cursor = new Cursor(line);
  cursor.skipBlanks();
  let name = cursor.here() === "{" ? "" : cursor.word(NAME, "a metric name");
  cursor.skipBlanks();
  /** @type {Label[]} */
  let labels = [];
  if (cursor.here() === "{") {
    labels = cursor.labels(name ? undefined : (quoted) => void (name = quoted));
    if (name === "") throw cursor.error("the metric name is missing");
  }
  cursor.skipBlanks();
  const prefix = cursor.at;
  const value = cursor.value();
  cursor.skipBlanks();
  const timestamp = cursor.take(TOKEN);
  if (timestamp !== "" && parseValue(timestamp) === undefined) throw cursor.error(`${JSON.stringify(timestamp)} is not a timestamp`);
  cursor.skipBlanks();
  const exemplar = cursor.here() === "#" ? parseExemplar(cursor) : null;
  if (cursor.here() !== "") throw cursor.error("something follows the timestamp");
  return { name, labels, value, prefix, timestamp, exemplar };
}

/** @param {Cursor} cursor */
function parseExemplar(cursor) {
  cursor.at++;
  cursor.skipBlanks();
  if (cursor.here() !== "{") throw cursor.error("an exemplar has no labels");
  const labels = cursor.labels();
  cursor.skipBlanks();
  const value = cursor.value();
  cursor.skipBlanks();
  cursor.take(TOKEN);
  cursor.skipBlanks();
  return { labels, value };
}

/**
 * @param {string} line one that begins with #
 * @returns {MetadataLine | null} null for a plain comment
 * @throws {LineError}
 */
export function parseMetadata(line) {
  if (line === "# EOF") return { keyword: "EOF", name: "", text: "" };
  const found = METADATA.exec(line);
  if (!found) return null;
  const cursor = new Cursor(line);
  cursor.at = found[0].length;
  const name = cursor.here() === '"' ? cursor.quoted() : cursor.word(NAME, "a metric name");
  cursor.skipBlanks();
  const keyword = /** @type {MetadataLine["keyword"]} */ (found[1]);
  const rest = line.slice(cursor.at);
  const text = keyword === "HELP" ? unescaped(rest) : rest.trim();
  return { keyword, name, text };
}

/** @param {string} help */
function unescaped(help) {
  return help.includes("\\") ? help.replace(/\\([\\n"])/g, (_, char) => ESCAPES[char] ?? "") : help;
}
