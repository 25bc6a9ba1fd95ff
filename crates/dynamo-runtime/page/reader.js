// Reads expositions one after the other. A scrape repeats the lines of the last one except for their
// values: such a line costs one comparison and one number.

import { LineError, parseMetadata, parseSample, parseValue } from "./exposition.js";

/** @typedef {import("./exposition.js").Label} Label */
/** @typedef {"counter" | "gauge" | "histogram" | "gaugehistogram" | "summary" | "info" | "stateset" | "unknown"} Kind */

/**
 * One line's series. `id` is its place in the rows of the history.
 * @typedef {object} Sample
 * @property {number} id
 * @property {number} value
 * @property {number} read the number of the last read that had it
 */

/**
 * One set of label values in a family. A counter or a gauge has `value`, a histogram the rest.
 * @typedef {object} Child
 * @property {string} key
 * @property {Label[]} labels without `le`, and without `quantile` in summaries
 * @property {Sample | null} value
 * @property {Sample | null} sum
 * @property {Sample | null} count
 * @property {{bound: number, sample: Sample}[]} buckets by bound
 * @property {{bound: number, sample: Sample}[]} quantiles by quantile
 */

/**
 * @typedef {object} Family
 * @property {string} name
 * @property {Kind} kind
 * @property {string} help
 * @property {Map<string, Child>} children
 */

/** @typedef {{line: number, text: string, reason: string}} BadLine */

/**
 * @typedef {object} Reading
 * @property {Float64Array} row values by the samples' ids; NaN for those not there
 * @property {number} samples
 * @property {BadLine[]} bad
 * @property {boolean} changed whether there are other families or series than in the last reading
 */

/**
 * A line of the last read. `prefix` is what comes before the value, or a whole comment line.
 * @typedef {object} Entry
 * @property {string} prefix
 * @property {Sample | null} sample
 * @property {Family | null} family what a TYPE or HELP line announces
 * @property {number} index
 */

/** What may follow a family's name in the names of its samples. */
const SUFFIXES = /** @type {Record<Kind, string[]>} */ ({
  counter: ["", "_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum", "_created"],
  gaugehistogram: ["_bucket", "_gcount", "_gsum"],
  summary: ["", "_count", "_sum", "_created"],
  info: ["_info"],
  stateset: [""],
  unknown: [""],
});

/** Errors shown in full; a broken exposition may have one in each line. */
const BAD_LINES = 20;

export class Reader {
  /** @type {Map<string, Family>} by name */
  families = new Map();
  /** How many expositions have been read. */
  reads = 0;

  /** @type {Entry[]} */
  #last = [];
  /** @type {Map<string, Entry>} by prefix */
  #entries = new Map();
  /** @type {Map<string, Sample>} by name and labels */
  #samples = new Map();
  /** @type {Sample[]} by id */
  #byId = [];
  /** @type {number[]} */
  #freeIds = [];
  /** @type {Family | null} */
  #current = null;
  #changed = false;
  #present = 0;

  /**
   * @param {string} text
   * @returns {Reading}
   */
  read(text) {
    this.reads++;
    this.#current = null;
    this.#changed = false;
    let last = this.#last;
    /** @type {Entry[]} */
    const entries = [];
    /** @type {BadLine[]} */
    const bad = [];
    const end = text.length;
    let at = 0;
    let expected = 0;
    let present = 0;
    while (at < end) {
      let entry = last[expected];
      /** @type {number | undefined} */
      let value;
      let stop = end;
      if (entry && text.startsWith(entry.prefix, at)) {
        at += entry.prefix.length;
        if (entry.sample === null) {
          if (entry.family) this.#current = entry.family;
          stop = at - 1;
        } else {
          stop = lineEnd(text, at);
          value = parseValue(text.slice(at, stop));
          if (value === undefined) at -= entry.prefix.length;
        }
      } else {
        stop = lineEnd(text, at);
        entry = undefined;
      }
      if (!entry || (entry.sample && value === undefined)) {
        // A copy: a slice would keep this whole exposition in memory.
        const line = (" " + text.slice(at, stop)).slice(1);
        try {
          [entry, value] = this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
          last = this.#last;
        } catch (error) {
          if (!(error instanceof LineError)) throw error;
          if (bad.length < BAD_LINES) bad.push({ line: lineNumber(text, at), text: line, reason: error.message });
          at = stop + 1;
          continue;
        }
      }
      const sample = entry.sample;
      if (sample && value !== undefined) {
        if (sample.read !== this.reads) present++;
        sample.read = this.reads;
        sample.value = value;
      }
      if (last[entry.index] === entry) expected = entry.index + 1;
      entries.push(entry);
      at = stop + 1;
    }
    for (let index = 0; index < entries.length; index++) /** @type {Entry} */ (entries[index]).index = index;
    this.#last = entries;
    if (present !== this.#present) this.#changed = true;
    this.#present = present;
    return { row: this.#row(), samples: present, bad, changed: this.#changed };
  }

  /**
   * Whether a sample was in the last reading.
   * @param {Sample | null | undefined} sample
   * @returns {sample is Sample}
   */
  has(sample) {
    return sample != null && sample.read === this.reads;
  }

  /**
   * Whether a child was in the last reading.
   * @param {Child} child
   */
  shows(child) {
    return this.has(child.value ?? child.count ?? child.sum ?? child.buckets.at(-1)?.sample ?? child.quantiles[0]?.sample);
  }

  /**
   * Drops samples that no reading since `read` had. Their ids go to later samples.
   * @param {number} read
   * @returns {boolean} whether there were any
   */
  prune(read) {
    const before = this.#freeIds.length;
    for (const [key, sample] of this.#samples) {
      if (sample.read >= read) continue;
      this.#samples.delete(key);
      this.#freeIds.push(sample.id);
    }
    if (this.#freeIds.length === before) return false;
    /** @param {{sample: Sample}} one */
    const kept = (one) => one.sample.read >= read;
    for (const family of this.families.values()) {
      for (const [key, child] of family.children) {
        child.buckets = child.buckets.filter(kept);
        child.quantiles = child.quantiles.filter(kept);
        const single = [child.value, child.sum, child.count].some((sample) => sample && sample.read >= read);
        if (!single && !child.buckets.length && !child.quantiles.length) family.children.delete(key);
      }
      if (!family.children.size) this.families.delete(family.name);
    }
    for (const [prefix, entry] of this.#entries) {
      if (entry.sample && entry.sample.read < read) this.#entries.delete(prefix);
    }
    return true;
  }

  #row() {
    const row = new Float64Array(this.#byId.length).fill(NaN);
    for (const { sample } of this.#last) {
      if (sample) row[sample.id] = sample.value;
    }
    return row;
  }

  /**
   * @param {string} line
   * @returns {[Entry, number | undefined]}
   */
  #line(line) {
    const blank = line.trim() === "";
    if (blank || line.startsWith("#")) {
      const family = blank ? null : this.#metadata(line);
      return [{ prefix: line + "\n", sample: null, family, index: -1 }, undefined];
    }
    const parsed = parseSample(line);
    const prefix = line.slice(0, parsed.prefix);
    const known = this.#entries.get(prefix);
    if (known && known.family === this.#current) return [known, parsed.value];
    const sample = this.#sample(parsed.name, parsed.labels);
    // A line with a timestamp or an exemplar is parsed each time: its end differs each time.
    const entry = { prefix, sample, family: this.#current, index: -1 };
    this.#entries.set(prefix, entry);
    return [entry, parsed.value];
  }

  /** @param {string} line */
  #metadata(line) {
    const metadata = parseMetadata(line);
    if (!metadata || metadata.keyword === "EOF") return null;
    const family = this.#family(metadata.name);
    if (metadata.keyword === "HELP" && family.help !== metadata.text) {
      family.help = metadata.text;
      this.#changed = true;
    }
    if (metadata.keyword === "TYPE") {
      const kind = metadata.text === "untyped" ? "unknown" : metadata.text;
      if (!Object.hasOwn(SUFFIXES, kind)) throw new LineError(`${JSON.stringify(kind)} is not a type`, 0);
      if (family.kind !== kind) this.#retype(family, /** @type {Kind} */ (kind));
    }
    this.#current = family;
    return family;
  }

  /** @param {string} name */
  #family(name) {
    let family = this.families.get(name);
    if (!family) {
      family = { name, kind: "unknown", help: "", children: new Map() };
      this.families.set(name, family);
    }
    return family;
  }

  /**
   * A restarted process may give a name another type: its series then begin anew.
   * @param {Family} family
   * @param {Kind} kind
   */
  #retype(family, kind) {
    if (family.children.size) {
      this.#last = [];
      this.#entries.clear();
      const old = new Set([...family.children.values()].flatMap(samplesOf));
      for (const [key, sample] of this.#samples) if (old.has(sample)) this.#samples.delete(key);
      family.children.clear();
    }
    family.kind = kind;
    this.#changed = true;
  }

  /**
   * The sample of a line, created with its child and its family on first sight.
   * @param {string} name
   * @param {Label[]} labels
   */
  #sample(name, labels) {
    const [family, suffix] = this.#owner(name);
    const special = suffix === "_bucket" ? "le" : family.kind === "summary" && suffix === "" ? "quantile" : "";
    const plain = special ? labels.filter(([label]) => label !== special) : labels;
    const bound = special ? (parseValue(labels.find(([label]) => label === special)?.[1] ?? "") ?? NaN) : NaN;
    if (suffix === "_bucket" && Number.isNaN(bound)) throw new LineError("a bucket has no label le with a number", 0);
    const childKey = JSON.stringify([...plain].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
    const key = `${name}${childKey}${special && bound}`;
    const known = this.#samples.get(key);
    if (known) return known;
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const sample = { id, value: NaN, read: 0 };
    this.#byId[id] = sample;
    this.#samples.set(key, sample);
    this.#changed = true;
    let child = family.children.get(childKey);
    if (!child) {
      child = { key: childKey, labels: plain, value: null, sum: null, count: null, buckets: [], quantiles: [] };
      family.children.set(childKey, child);
    }
    if (suffix === "_bucket") insert(child.buckets, bound, sample);
    else if (special && !Number.isNaN(bound)) insert(child.quantiles, bound, sample);
    else if (suffix.endsWith("sum")) child.sum = sample;
    else if (suffix.endsWith("count")) child.count = sample;
    else if (suffix !== "_created") child.value = sample;
    return sample;
  }

  /**
   * The family of a sample's name, and what the name has beyond the family's.
   * @param {string} name
   * @returns {[Family, string]}
   */
  #owner(name) {
    const current = this.#current;
    if (current && name.startsWith(current.name)) {
      const suffix = name.slice(current.name.length);
      if (SUFFIXES[current.kind].includes(suffix)) return [current, suffix];
    }
    for (const ending of ["_bucket", "_count", "_sum", "_total", "_created", "_info"]) {
      const family = name.endsWith(ending) ? this.families.get(name.slice(0, -ending.length)) : undefined;
      if (family && SUFFIXES[family.kind].includes(ending)) return [family, ending];
    }
    const family = this.#family(name);
    if (!SUFFIXES[family.kind].includes("")) throw new LineError(`${name} is a ${family.kind}, which has no such sample`, 0);
    return [family, ""];
  }
}

/**
 * @param {Child} child
 * @returns {(Sample | null)[]}
 */
function samplesOf({ value, sum, count, buckets, quantiles }) {
  return [value, sum, count, ...[...buckets, ...quantiles].map(({ sample }) => sample)];
}

/**
 * @param {{bound: number, sample: Sample}[]} sorted
 * @param {number} bound
 * @param {Sample} sample
 */
function insert(sorted, bound, sample) {
  const after = sorted.findIndex((one) => one.bound > bound);
  sorted.splice(after < 0 ? sorted.length : after, 0, { bound, sample });
}

/**
 * @param {string} text
 * @param {number} at
 */
function lineEnd(text, at) {
  const stop = text.indexOf("\n", at);
  return stop < 0 ? text.length : stop;
}

/**
 * @param {string} text
 * @param {number} at
 */
function lineNumber(text, at) {
  let number = 1;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", next + 1)) number++;
  return number;
}
