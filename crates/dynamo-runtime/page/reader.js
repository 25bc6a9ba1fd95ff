// Reads expositions one after the other. A scrape repeats the lines of the last one except for their
// values: such a line costs one comparison and one number.

import { LineError, parseMetadata, parseSample, parseValue } from "./exposition.js";

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

/** Errors kept of a reading; a broken exposition may have one in each line. */
export const BAD_LINES = 20;

/** A restarted process can give a name another type. The caches are invalid then. */
const RETYPED = new Error("a family has another type than before");

export class Reader {
	/** By name. @type {Map<string, Family>} */
	families = new Map();
	/** How many expositions have been read. */
	reads = 0;

	/** @type {Entry[]} */
	#last = [];
	/** By prefix. @type {Map<string, Entry>} */
	#entries = new Map();
	/** By name and labels. @type {Map<string, Sample>} */
	#samples = new Map();
	#ids = 0;
	/** @type {number[]} */
	#freeIds = [];
	/** @type {Family | null} */
	#current = null;
	#changed = false;
	#present = 0;

	/** @param {string} text @returns {Reading} */
	read(text) {
		this.reads++;
		try {
			return this.#read(text);
		} catch (error) {
			if (error !== RETYPED) throw error;
			this.#last = [];
			for (const known of [this.families, this.#entries, this.#samples]) known.clear();
			return this.#read(text);
		}
	}

	/** @param {string} text @returns {Reading} */
	#read(text) {
		this.#current = null;
		this.#changed = false;
		/** @type {Entry[]} */
		const entries = [];
		/** @type {BadLine[]} */
		const bad = [];
		let expected = 0;
		let present = 0;
		let stop = 0;
		for (let at = 0; at < text.length; at = stop + 1) {
			let entry = this.#last[expected];
			/** @type {number | undefined} */
			let value;
			const repeated = entry && text.startsWith(entry.prefix, at);
			stop = repeated && !entry.sample ? at + entry.prefix.length - 1 : text.indexOf("\n", at);
			if (stop < 0) stop = text.length;
			if (repeated && entry.sample) value = parseValue(text.slice(at + entry.prefix.length, stop));
			if (repeated && !entry.sample) this.#current = entry.family ?? this.#current;
			else if (value === undefined) {
				// A copy: a slice would keep this whole exposition in memory.
				const line = (" " + text.slice(at, stop)).slice(1);
				try {
					[entry, value] = this.#line(line.replace(/\r$/, ""));
				} catch (error) {
					if (!(error instanceof LineError)) throw error;
					if (bad.length < BAD_LINES) bad.push({ line: text.slice(0, at).split("\n").length, text: line, reason: error.message });
					continue;
				}
			}
			if (entry.sample && value !== undefined) {
				if (entry.sample.read !== this.reads) present++;
				entry.sample.read = this.reads;
				entry.sample.value = value;
			}
			if (this.#last[entry.index] === entry) expected = entry.index + 1;
			entries.push(entry);
		}
		entries.forEach((entry, index) => (entry.index = index));
		this.#last = entries;
		const changed = this.#changed || present !== this.#present;
		this.#present = present;
		return { values: this.#values(), samples: present, bad, changed };
	}

	/** Whether a child was in the last reading. @param {Child} child */
	shows(child) {
		return samplesOf(child)[0]?.read === this.reads;
	}

	/**
	 * Drops series that no reading since `read` had. The ids of their samples go to later ones.
	 * @param {number} read
	 * @returns {boolean} whether there were any
	 */
	prune(read) {
		/** @type {Set<Sample | null>} */
		const old = new Set();
		for (const family of this.families.values()) {
			for (const child of family.children.values()) {
				const samples = samplesOf(child);
				if (samples.some((sample) => sample.read >= read)) continue;
				for (const sample of samples) old.add(sample);
				family.children.delete(child.key);
			}
			if (!family.children.size) this.families.delete(family.name);
		}
		for (const [key, sample] of this.#samples) if (old.has(sample) && this.#samples.delete(key)) this.#freeIds.push(sample.id);
		for (const [prefix, { sample }] of this.#entries) if (old.has(sample)) this.#entries.delete(prefix);
		return old.size > 0;
	}

	#values() {
		const row = new Float64Array(this.#ids).fill(NaN);
		for (const { sample } of this.#last) {
			if (sample) row[sample.id] = sample.value;
		}
		return row;
	}

	/** @param {string} line @returns {[Entry, number | undefined]} */
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
		if (!metadata) return null;
		const family = this.#family(metadata.name);
		if (metadata.keyword === "HELP" && family.help !== metadata.text) {
			family.help = metadata.text;
			this.#changed = true;
		}
		if (metadata.keyword === "TYPE") {
			const kind = metadata.text === "untyped" ? "unknown" : metadata.text;
			if (!Object.hasOwn(SUFFIXES, kind)) throw new LineError(`${JSON.stringify(kind)} is not a type`);
			if (family.kind !== kind && family.children.size) throw RETYPED;
			family.kind = /** @type {Kind} */ (kind);
		}
		this.#current = family;
		return family;
	}

	/** @param {string} name @returns {Family} */
	#family(name) {
		const family = this.families.get(name) ?? { name, kind: "unknown", help: "", children: new Map() };
		this.families.set(name, family);
		return family;
	}

	/** The sample of a line, created with its child and its family on first sight. @param {string} name @param {Label[]} labels */
	#sample(name, labels) {
		const [family, suffix] = this.#owner(name);
		const special = suffix === "_bucket" ? "le" : family.kind === "summary" && suffix === "" ? "quantile" : "";
		const plain = special ? labels.filter(([label]) => label !== special) : labels;
		const bound = special ? (parseValue(labels.find(([label]) => label === special)?.[1] ?? "") ?? NaN) : NaN;
		if (suffix === "_bucket" && Number.isNaN(bound)) throw new LineError("a bucket has no label le with a number");
		const childKey = JSON.stringify([...plain].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
		const key = `${name}${childKey}${special && bound}`;
		const known = this.#samples.get(key);
		if (known) return known;
		const id = this.#freeIds.pop() ?? this.#ids++;
		const sample = { id, value: NaN, read: 0 };
		this.#samples.set(key, sample);
		this.#changed = true;
		/** @type {Child} */
		const child = family.children.get(childKey) ?? { key: childKey, labels: plain, value: null, sum: null, count: null, buckets: [], quantiles: [] };
		family.children.set(childKey, child);
		if (suffix === "_bucket") insert(child.buckets, bound, sample);
		else if (special && !Number.isNaN(bound)) insert(child.quantiles, bound, sample);
		else if (suffix.endsWith("sum")) child.sum = sample;
		else if (suffix.endsWith("count")) child.count = sample;
		else if (suffix !== "_created") child.value = sample;
		return sample;
	}

	/** The family of a sample's name, and what the name has beyond the family's. @param {string} name @returns {[Family, string]} */
	#owner(name) {
		const current = this.#current;
		if (current && name.startsWith(current.name)) {
			const suffix = name.slice(current.name.length);
			if (SUFFIXES[current.kind].includes(suffix)) return [current, suffix];
		}
		const family = this.#family(name);
		if (!SUFFIXES[family.kind].includes("")) throw new LineError(`${name} is a ${family.kind}, which has no such sample`);
		return [family, ""];
	}
}

/** @param {Child} child */
function samplesOf({ value, sum, count, buckets, quantiles }) {
	return [value, count, sum, ...[...buckets, ...quantiles].map(({ sample }) => sample)].filter((sample) => sample !== null);
}

/** @param {Bounded[]} sorted @param {number} bound @param {Sample} sample */
function insert(sorted, bound, sample) {
	const after = sorted.findIndex((one) => one.bound > bound);
	sorted.splice(after < 0 ? sorted.length : after, 0, { bound, sample });
}
