import assert from "node:assert/strict";
import { test } from "node:test";

import { file, load, Scraped, valuesByLine } from "./modules.mjs";

const { Reader } = await load("reader.js");

const VLLM = file("tests/formats/vllm_metrics.txt");

const page = (requests, buckets = [1, 2, 3]) => `# HELP x_total Requests
# TYPE x_total counter
x_total{a="1"} ${requests}
x_total{a="2"} 5
# TYPE y_seconds histogram
y_seconds_bucket{le="0.1"} ${buckets[0]}
y_seconds_bucket{le="1"} ${buckets[1]}
y_seconds_bucket{le="+Inf"} ${buckets[2]}
y_seconds_sum 2.5
y_seconds_count ${buckets[2]}
`;

test("every sample of vLLM's exposition is read with its value", () => {
	const reader = new Reader();
	const { samples, bad, values } = reader.read(VLLM);
	const expected = valuesByLine(VLLM);
	assert.deepEqual(bad, []);
	assert.equal(samples, expected.size);
	assert.deepEqual([...values].sort(), [...expected.values()].map(Number).sort());
	assert.equal(reader.families.size, VLLM.match(/^# TYPE/gm).length);
});

test("families of vLLM's exposition have their types, HELP and series", () => {
	const { families } = (() => {
		const reader = new Reader();
		reader.read(VLLM);
		return reader;
	})();
	const running = families.get("vllm:num_requests_running");
	assert.deepEqual([running.kind, running.help], ["gauge", "Number of requests in model execution batches."]);
	const [latency] = families.get("vllm:e2e_request_latency_seconds").children.values();
	assert.deepEqual(latency.labels.map(([name]) => name), ["engine", "model_name"]);
	assert.equal(latency.buckets.at(-1).bound, Infinity);
	assert.ok(latency.sum && latency.count && latency.value === null);
	assert.equal(families.get("vllm:iteration_tokens_total").kind, "histogram");
	assert.equal(families.get("vllm:iteration_tokens_total_created").kind, "gauge");
});

test("the next exposition only changes values", () => {
	const reader = new Reader();
	const first = reader.read(page(1));
	const second = reader.read(page(9, [2, 4, 8]));
	assert.deepEqual([first.changed, second.changed], [true, false]);
	assert.deepEqual([...second.values], [9, 5, 2, 4, 8, 2.5, 8]);
});

test("a line in between, a line less and another order lose nothing", () => {
	const lines = page(1).trimEnd().split("\n");
	const reader = new Reader();
	reader.read(page(1));
	const more = [...lines.slice(0, 3), 'x_total{a="new"} 7', ...lines.slice(3)].join("\n");
	assert.equal(reader.read(more).samples, 8);
	const fewer = lines.filter((line) => !line.includes('a="1"')).join("\n");
	const read = reader.read(fewer);
	assert.deepEqual([read.samples, read.changed], [6, true]);
	const [first, second, added] = reader.families.get("x_total").children.values();
	assert.deepEqual([first, second, added].map((child) => reader.shows(child)), [false, true, false]);
	assert.ok(Number.isNaN(read.values[first.value.id]));
	const turned = [...lines.slice(4), ...lines.slice(0, 4)].join("\n");
	assert.deepEqual([reader.read(turned).samples, reader.shows(first)], [7, true]);
});

test("line ends of Windows and a last line without an end are read", () => {
	const reader = new Reader();
	for (let round = 0; round < 2; round++) {
		const { samples, bad } = reader.read(page(1).replaceAll("\n", "\r\n").trimEnd());
		assert.deepEqual([samples, bad], [7, []]);
	}
});

test("a value that only Go writes is read on the short way too", () => {
	const reader = new Reader();
	const id = () => [...reader.families.get("x").children.values()][0].value.id;
	for (const [token, value] of [["1", 1], ["+Inf", Infinity], ["NaN", NaN], ["-Inf", -Infinity]]) {
		assert.equal(reader.read(`# TYPE x gauge\nx ${token}\n`).values[id()], value);
	}
});

test("timestamps and exemplars do not hide a value, in any round", () => {
	const reader = new Reader();
	for (const value of [1, 2, 3]) {
		const text = `# TYPE x counter\n# UNIT x requests\nx_total{a="b"} ${value} # {trace_id="t${value}"} 1 17${value}.5\nx_created{a="b"} 17\n# EOF\n`;
		const { values, bad } = reader.read(text);
		const [child] = reader.families.get("x").children.values();
		assert.deepEqual([values[child.value.id], bad], [value, []]);
	}
	assert.equal(reader.families.size, 1);
});

test("a name without TYPE is an unknown family of its own", () => {
	const reader = new Reader();
	reader.read("# TYPE x counter\nx_total 1\ny_total 2\n");
	assert.deepEqual([...reader.families.values()].map(({ name, kind }) => [name, kind]), [["x", "counter"], ["y_total", "unknown"]]);
});

test("names in quotes have families too", () => {
	const reader = new Reader();
	assert.deepEqual(reader.read('# TYPE "my.name" gauge\n{"my.name","k.ey"="v"} 3\n').bad, []);
	const [child] = reader.families.get("my.name").children.values();
	assert.deepEqual(child.labels, [["k.ey", "v"]]);
});

test("a summary has its quantiles, a native histogram in a text its count and its sum", () => {
	const reader = new Reader();
	reader.read('# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.99"} 9\ns_sum 10\ns_count 2\n# TYPE h histogram\nh_sum 3\nh_count 4\n');
	const [summary] = reader.families.get("s").children.values();
	assert.deepEqual(summary.quantiles.map(({ bound }) => bound), [0.5, 0.99]);
	const [native] = reader.families.get("h").children.values();
	assert.deepEqual([native.buckets, native.count.value, reader.shows(native)], [[], 4, true]);
});

test("a broken line is an error with its number, and the others are read", () => {
	const reader = new Reader();
	for (let round = 0; round < 2; round++) {
		const { samples, bad } = reader.read(`${page(1)}what is this\n${'z{a="b"} 1'}\n`);
		assert.equal(samples, 8);
		assert.deepEqual(bad, [{ line: 11, text: "what is this", reason: 'the value "is" is not a number' }]);
	}
	assert.equal(reader.read(page(1)).bad.length, 0);
});

test("a broken value of a known series is an error", () => {
	const reader = new Reader();
	reader.read(page(1));
	const { bad } = reader.read(page("many"));
	assert.deepEqual([bad[0].line, bad[0].reason], [3, 'the value "many" is not a number']);
});

test("not every line of a text that is not an exposition is kept", () => {
	const { bad } = new Reader().read("<p>Bad Gateway</p>\n".repeat(1000));
	assert.equal(bad.length, 20);
});

test("a type that no format has is an error of its line", () => {
	const { bad } = new Reader().read("# TYPE x number\nx 1\n");
	assert.deepEqual(bad, [{ line: 1, text: "# TYPE x number", reason: '"number" is not a type' }]);
});

test("a family can change its type, as after a restart", () => {
	const reader = new Reader();
	reader.read("# TYPE x gauge\nx 1\n# TYPE y gauge\ny 2\n");
	const { samples, changed } = reader.read("# TYPE x counter\nx 3\n# TYPE y gauge\ny 2\n");
	assert.deepEqual([samples, changed, reader.families.get("x").kind, reader.families.size], [2, true, "counter", 2]);
});

test("series that are away for the whole timeline are dropped, and their ids used again", () => {
	const reader = new Reader();
	const text = (from) => `# TYPE x gauge\n${Array.from({ length: 100 }, (_, index) => `x{i="${from + index}"} 1`).join("\n")}\n`;
	let longest = 0;
	for (let round = 0; round < 50; round++) {
		longest = Math.max(longest, reader.read(text(round * 100)).values.length);
		reader.prune(reader.reads - 5);
	}
	assert.ok(longest <= 700, `${longest}`);
	assert.ok(reader.families.get("x").children.size <= 700);
	assert.equal(reader.prune(0), false);
});

test("10,000 series are read in a few milliseconds once they are known", () => {
	const text = (value) => {
		const families = Array.from({ length: 500 }, (_, family) => {
			const series = Array.from({ length: 20 }, (_, index) => `family_${family}_total{dynamo_namespace="demo",dynamo_component="backend",model="model-${index}"} ${value + index}`);
			return `# HELP family_${family}_total Family\n# TYPE family_${family}_total counter\n${series.join("\n")}\n`;
		});
		return families.join("");
	};
	const scraped = new Scraped();
	const took = Array.from({ length: 12 }, (_, round) => {
		const next = text(round);
		const begin = performance.now();
		assert.equal(scraped.scrape(next).samples, 10_000);
		return performance.now() - begin;
	});
	// The fastest: other programs may slow the others down.
	const fastest = Math.min(...took.slice(2));
	assert.ok(fastest < 25, `${fastest} ms`);
});
