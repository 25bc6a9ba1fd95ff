import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { LineError, parseMetadata, parseSample, parseValue } = await load("exposition.js");

test("a sample has a name, labels and a value", () => {
	const { name, labels, value, timestamp, exemplar } = parseSample('http_requests_total{method="post",code="200"} 1027');
	assert.deepEqual([name, labels, value, timestamp, exemplar], ["http_requests_total", [["method", "post"], ["code", "200"]], 1027, null, null]);
});

test("the part before the value is known by its length", () => {
	const line = 'x{a="b"}  \t 7';
	assert.equal(line.slice(parseSample(line).prefix), "7");
});

test("blanks and a last comma are allowed where the format allows them", () => {
	for (const line of ['x{a="b",} 1', 'x { a = "b" , } 1', ' \tx{a="b"}\t1 ']) {
		assert.deepEqual(parseSample(line).labels, [["a", "b"]], line);
	}
	assert.deepEqual(parseSample("x{} 1").labels, []);
});

test("escapes in label values are undone", () => {
	assert.deepEqual(parseSample(String.raw`x{path="C:\\DIR\n\"end\""} 1`).labels, [["path", 'C:\\DIR\n"end"']]);
});

test("braces, commas, hashes and line-like text in label values are values", () => {
	const value = '}, b="c" # {x="y"} 3 <script>alert(1)</script>';
	assert.deepEqual(parseSample(`x{a="${value.replaceAll('"', '\\"')}"} 1`).labels, [["a", value]]);
});

test("a label value of a million characters is read", () => {
	const value = 'ab\\"'.repeat(250_000);
	assert.equal(parseSample(`x{a="${value}"} 1`).labels[0][1].length, 750_000);
});

test("names of any characters stand in quotes inside the braces", () => {
	const { name, labels } = parseSample('{"my.näme","a.b"="1",c="2"} 3');
	assert.deepEqual([name, labels], ["my.näme", [["a.b", "1"], ["c", "2"]]]);
	assert.equal(parseSample('{"only"} 1').name, "only");
});

test("numbers are read as Go reads them", () => {
	const numbers = { "1": 1, "-1.5e3": -1500, ".5": 0.5, "+Inf": Infinity, Inf: Infinity, "-Inf": -Infinity, "-inf": -Infinity, NaN: NaN, nan: NaN, "1e400": Infinity };
	for (const [token, value] of Object.entries(numbers)) assert.equal(parseValue(token), value, token);
	for (const token of ["", "0x10", "0b1", "0o7", "1_000", "one", "1,5", "--1"]) assert.equal(parseValue(token), undefined, token);
});

test("a timestamp follows the value", () => {
	assert.equal(parseSample("x 1 1395066363000").timestamp, 1395066363000);
	assert.equal(parseSample('x{a="b"} 1 -5').timestamp, -5);
});

test("an exemplar of OpenMetrics is read with its labels and its value", () => {
	const bucket = parseSample('x_bucket{le="1"} 5 # {trace_id="4bf9",span="a#b"} 0.7 1520879607.789');
	assert.equal(bucket.value, 5);
	assert.deepEqual(bucket.exemplar, { labels: [["trace_id", "4bf9"], ["span", "a#b"]], value: 0.7 });
	assert.deepEqual(parseSample("x_total 5 123.4 # {} 1").exemplar, { labels: [], value: 1 });
});

test("HELP, TYPE and UNIT are read, other comments are not", () => {
	assert.deepEqual(parseMetadata("# HELP x What it is"), { keyword: "HELP", name: "x", text: "What it is" });
	assert.deepEqual(parseMetadata("# HELP x"), { keyword: "HELP", name: "x", text: "" });
	assert.deepEqual(parseMetadata(String.raw`# HELP x a\\b\nc "d"`).text, 'a\\b\nc "d"');
	assert.deepEqual(parseMetadata("#\tTYPE  x\tcounter"), { keyword: "TYPE", name: "x", text: "counter" });
	assert.deepEqual(parseMetadata('# TYPE "my.name" gauge'), { keyword: "TYPE", name: "my.name", text: "gauge" });
	assert.deepEqual(parseMetadata("# UNIT x_seconds seconds").text, "seconds");
	for (const comment of ["# EOF", "# just words", "#HELP x", "# HELPX y z"]) assert.equal(parseMetadata(comment), null, comment);
});

test("a line that breaks the format is an error that names the reason", () => {
	const broken = [
		["9lives 1", /the metric name is missing or begins/],
		["{} 1", /the metric name is missing/],
		["x", /the value is missing/],
		["x one", /the value "one" is not a number/],
		["x 1 soon", /the timestamp "soon" is not a number/],
		["x 1 2 3", /something follows the value/],
		['x{a="b} 1', /the labels have an error after "x\{"/],
		['x{a="b" c="d"} 1', /the labels have an error after "x\{"/],
		['x{a="b",9="d"} 1', /the labels have an error after "x\{a=\\"b\\","/],
		["x{a=b} 1", /the labels have an error/],
		['x{"y"} 1', /the labels have an error/],
		[String.raw`x{a="\t"} 1`, /the labels have an error/],
		['x{a="b"', /the labels have an error/],
		['x 1 # {a="b"}', /the exemplar's value is missing/],
	];
	for (const [line, reason] of broken) {
		assert.throws(() => parseSample(line), (error) => error instanceof LineError && reason.test(error.message), line);
	}
	assert.throws(() => parseMetadata("# TYPE 9 counter"), /it does not name a metric/);
});
