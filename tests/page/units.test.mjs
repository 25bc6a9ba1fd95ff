import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { exact, formatted, perSecond, unitOf } = await load("units.js");

/** With a plain blank before the unit. */
const shown = (name, value) => formatted(unitOf(name), value).replaceAll("\u202f", " ");

test("seconds are shown in the step that reads best", () => {
	const cases = [[0, "0 s"], [5e-8, "50 ns"], [0.0000521, "52.1 µs"], [0.0254, "25.4 ms"], [0.9996, "1.00 s"], [1.714, "1.71 s"], [119, "119 s"], [204, "3 min 24 s"], [7200, "2 h"], [93784, "1 d 2 h"], [NaN, "–"], [Infinity, "+Inf s"]];
	for (const [value, text] of cases) assert.equal(shown("x_seconds", value), text);
	assert.equal(shown("x_milliseconds", 1500), "1.50 s");
});

test("bytes are shown in binary steps", () => {
	for (const [value, text] of [[0, "0 B"], [1023, "1023 B"], [1024, "1 KiB"], [16132382720, "15.0 GiB"], [33554432, "32 MiB"]]) assert.equal(shown("gpu_memory_bytes", value), text);
});

test("shares are shown in percent", () => {
	assert.equal(shown("vllm:kv_cache_usage_perc", 0.129), "12.9 %");
	assert.equal(shown("x_ratio", 1), "100 %");
	assert.equal(shown("cpu_percent", 42.5), "42.5 %");
});

test("moments are shown as such", () => {
	assert.match(shown("process_start_time_seconds", 1795491467), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
	assert.equal(shown("x_created", 0), "0");
});

test("numbers without a unit keep three digits, whole ones all", () => {
	const cases = [[0, "0"], [22, "22"], [12345, "12,345"], [-3, "−3"], [7.5678, "7.57"], [1421.4, "1,421"], [123456, "123 k"], [2.5e9, "2.50 G"], [0.00012, "1.2e−4"]];
	for (const [value, text] of cases) assert.equal(shown("requests", value), text);
});

test("a counter's unit is that of its name without _total, per second", () => {
	const text = (name, value) => formatted(perSecond(unitOf(name)), value).replaceAll("\u202f", " ");
	assert.equal(text("x_bytes_total", 2048), "2 KiB/s");
	assert.equal(text("process_cpu_seconds_total", 0.07), "70 ms/s");
	assert.equal(text("x_seconds_total", 300), "300 s/s");
	assert.equal(text("requests_total", 7.67), "7.67 /s");
});

test("an exact number has all digits", () => {
	const cases = [[16132382720, "16,132,382,720"], [1234.5678, "1,234.5678"], [-0.25, "−0.25"], [1e300, "1e+300"], [NaN, "NaN"], [-Infinity, "−Inf"]];
	for (const [value, text] of cases) assert.equal(exact(value), text);
});
