// Where a series belongs: its node in the hierarchy, and the engine whose prefix its name has.

/** The hierarchy labels, from the root down. */
const HIERARCHY = ["dynamo_namespace", "dynamo_component", "dynamo_endpoint"];

/** The values of some labels, empty for those not there. @param {Child} child @param {string[]} names */
export function valuesOf({ labels }, names) {
	return names.map((name) => labels.find(([label]) => label === name)?.[1] ?? "");
}

/** @type {WeakMap<Child, string[]>} */
const paths = new WeakMap();

/** The path of a series' node: namespace, component and endpoint, as far as it has them. @param {Child} child */
export function pathOf(child) {
	let path = paths.get(child);
	if (!path) {
		path = valuesOf(child, HIERARCHY);
		if (path.includes("")) path = path.slice(0, path.indexOf(""));
		paths.set(child, path);
	}
	return path;
}

/** Whether two lists have the same series. @param {Child[]} some @param {Child[]} others */
export function equal(some, others) {
	return some.length === others.length && some.every((child, index) => child === others[index]);
}

/** What stands before the colon of a name: `vllm` of `vllm:num_requests_running`. @param {string} name */
function engineOf(name) {
	return /^([A-Za-z][A-Za-z0-9_]*):[^:]/.exec(name)?.[1] ?? "";
}

const OWN = /^(process|python|dynamo)_/;

/** @param {string} name of a family @param {string[]} path of its series' node @returns {Group} */
export function groupOf(name, path) {
	const engine = engineOf(name);
	const created = name.endsWith("_created");
	const own = !path.length && !engine && OWN.test(name);
	const words = own ? ["process"] : engine ? [engine] : path.length ? [] : ["no node"];
	if (created) words.push("creation times");
	// Nodes first, in the order of the tree; engines after the metrics of their node; the process last.
	const rank = created ? "4" : path.length ? "1" : own ? "3" : "2";
	return { key: [rank, ...path, "", engine].join("\u0000"), path, title: words.join(" ") };
}

/** What names begin with that is the same for many. */
const PREFIXES = /^(dynamo_(component|frontend|runtime|router|work_handler|request_plane|transport)_|process_|python_)/;

/**
 * Splits a name into what the group says already and the rest.
 * @param {string} name
 * @param {string[]} path
 * @returns {[prefix: string, rest: string]}
 */
export function splitName(name, path) {
	const engine = engineOf(name);
	for (let length = path.length; length > 0; length--) {
		const prefix = path.slice(0, length).join("_").replace(/[^A-Za-z0-9_]/g, "_") + "_";
		if (name.startsWith(prefix) && name.length > prefix.length) return [prefix, name.slice(prefix.length)];
	}
	const prefix = engine ? `${engine}:` : (PREFIXES.exec(name)?.[0] ?? "");
	return [prefix, name.slice(prefix.length)];
}

/**
 * The words of a search: each must be in a family's name, its HELP or its labels. `label="value"`
 * finds a label with a value.
 * @param {string} query
 */
export function searchTerms(query) {
	return query.toLowerCase().replaceAll('"', "").split(/\s+/).filter(Boolean);
}

/** @type {WeakMap<Child, string>} */
const labelTexts = new WeakMap();

/** The labels of a series as a search sees them. @param {Child} child */
export function labelText(child) {
	let text = labelTexts.get(child);
	if (text === undefined) {
		text = child.labels.map(([name, value]) => `${name}=${value}`).join("\n").replaceAll('"', "").toLowerCase();
		labelTexts.set(child, text);
	}
	return text;
}

/** The names of the labels that tell series apart, and the labels that are the same in all. @param {Child[]} children */
export function splitLabels(children) {
	/** @type {Map<string, Set<string>>} */
	const values = new Map();
	for (const child of children) {
		for (const [name, value] of child.labels) {
			const seen = values.get(name) ?? new Set();
			values.set(name, seen.add(value));
		}
	}
	/** @type {{differing: string[], same: Label[]}} */
	const split = { differing: [], same: [] };
	for (const [name, seen] of values) {
		const everywhere = children.every(({ labels }) => labels.some(([label]) => label === name));
		if (seen.size === 1 && everywhere) split.same.push([name, [...seen][0]]);
		else split.differing.push(name);
	}
	return split;
}
