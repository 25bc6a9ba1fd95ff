import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { groupOf, labelText, pathOf, searchTerms, splitLabels, splitName } = await load("nodes.js");
const { formatState, parseState } = await load("location.js");

const child = (labels) => ({ labels: Object.entries(labels) });
const NODE = { dynamo_namespace: "demo", dynamo_component: "backend", dynamo_endpoint: "generate" };

test("the hierarchy labels are the path of a node", () => {
	assert.deepEqual(pathOf(child({ model: "m", ...NODE })), ["demo", "backend", "generate"]);
	assert.deepEqual(pathOf(child({ dynamo_namespace: "demo" })), ["demo"]);
	assert.deepEqual(pathOf(child({ dynamo_component: "backend" })), []);
});

test("nodes come first, in the order of the tree, then engines, then the process", () => {
	const path = ["demo", "backend"];
	const groups = [groupOf("process_open_fds", []), groupOf("vllm:running", path), groupOf("x_total", [...path, "generate"]), groupOf("vllm:running_created", path), groupOf("x_total", path), groupOf("other", [])];
	const sorted = groups.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ path, title }) => [path.join("/"), title].filter(Boolean).join(" "));
	assert.deepEqual(sorted, ["demo/backend", "demo/backend vllm", "demo/backend/generate", "no node", "process", "demo/backend vllm creation times"]);
});

test("a name is split into what its group says and the rest", () => {
	assert.deepEqual(splitName("demo_back_end_x_total", ["demo", "back-end"]), ["demo_back_end_", "x_total"]);
	assert.deepEqual(splitName("vllm:running", ["demo"]), ["vllm:", "running"]);
	assert.deepEqual(splitName("dynamo_component_errors_total", []), ["dynamo_component_", "errors_total"]);
	assert.deepEqual(splitName("anything", []), ["", "anything"]);
});

test("a search finds labels as they are written, and without quotes", () => {
	const text = labelText(child({ model: "Llama", gpu_id: "0" }));
	for (const term of searchTerms('model="llama" gpu_id=0')) assert.ok(text.includes(term), term);
	assert.deepEqual(searchTerms("  "), []);
});

test("labels that are the same in all series are separated from those that differ", () => {
	const children = [child({ a: "1", b: "x" }), child({ a: "1", b: "y" }), child({ a: "1", b: "y", c: "z" })];
	assert.deepEqual(splitLabels(children), { differing: ["b", "c"], same: [["a", "1"]] });
});

test("the state goes into the hash and comes back", () => {
	const state = { query: 'a="b" & c', every: 5, range: 15, open: ["x@demo/a b", "y"], heat: ["y"] };
	assert.deepEqual(parseState(formatState(state)), state);
});

test("a hash that says nothing or nonsense is the default", () => {
	const defaults = { query: "", every: 2, range: 5, open: [], heat: [] };
	for (const hash of ["", "#", "#every=0.001&range=x", "#%%%"]) assert.deepEqual(parseState(hash), defaults, hash);
	assert.equal(formatState(defaults), "");
});
