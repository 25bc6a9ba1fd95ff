import assert from "node:assert/strict";
import { test } from "node:test";

import { load, Scraped } from "./modules.mjs";

const { boundsOf, bucketIncreases, increase, largestFirst, mean, quantile, rate, sum, Track } = await load("rates.js");

const counter = (value) => (value === null ? "# TYPE x counter\n" : `# TYPE x counter\nx ${value}\n`);

/** A counter with these values, and its sample's id. */
function counted(...values) {
	const scraped = new Scraped();
	for (const value of values) scraped.scrape(counter(value));
	return { scraped, id: scraped.children("x")[0].value.id };
}

test("a rate is the growth per second over the window", () => {
	const { scraped, id } = counted(10, 14, 20);
	assert.equal(rate(scraped, id, scraped.last), 2.5);
	assert.equal(rate({ ...scraped, window: 2000 }, id, scraped.last), 3);
});

test("one scrape gives no rate", () => {
	const { scraped, id } = counted(10);
	assert.ok(Number.isNaN(rate(scraped, id, scraped.last)));
});

test("after a reset a counter has grown by what it has", () => {
	const { scraped, id } = counted(100, 110, 4, 6);
	assert.equal(increase(scraped.timeline, id, 0, 3), 10 + 4 + 2);
	assert.equal(rate(scraped, id, scraped.last), 16 / 6);
});

test("a removed series has no rate, and one that returns grows from there", () => {
	const { scraped, id } = counted(10, 20, null);
	assert.ok(Number.isNaN(rate(scraped, id, scraped.last)));
	scraped.scrape(counter(26));
	assert.equal(rate(scraped, id, scraped.last), 16 / 6);
});

test("a new series has no rate before its second scrape", () => {
	const { scraped, id } = counted(null, null, 7);
	assert.ok(Number.isNaN(rate(scraped, id, scraped.last)));
	scraped.scrape(counter(9));
	assert.equal(rate(scraped, id, scraped.last), 1);
});

test("no rate spans a pause that is longer than the window", () => {
	const { scraped, id } = counted(10);
	scraped.scrape(counter(1000), 300_000, { resumed: true });
	assert.ok(Number.isNaN(rate(scraped, id, scraped.last)));
	scraped.scrape(counter(1010));
	assert.equal(rate(scraped, id, scraped.last), 5);
});

test("scrapes that are further apart than the window still give rates", () => {
	const scraped = new Scraped();
	for (const value of [0, 60, 120]) scraped.scrape(counter(value), 60_000);
	assert.equal(rate(scraped, 0, scraped.last), 1);
});

test("NaN is left out of a sum and is last in an order", () => {
	assert.equal(sum([1, NaN, 2]), 3);
	assert.ok(Number.isNaN(sum([NaN])) && Number.isNaN(sum([])));
	assert.deepEqual([2, NaN, -1, Infinity, 5].sort(largestFirst), [Infinity, 5, 2, -1, NaN]);
});

const histogram = (...series) =>
	`# TYPE h histogram\n${series
		.map(([labels, buckets, total]) => Object.entries(buckets).map(([le, count]) => `h_bucket{${labels}le="${le}"} ${count}\n`).join("") + `h_sum{${labels}} ${total}\nh_count{${labels}} ${Object.values(buckets).at(-1)}\n`)
		.join("")}`;

test("buckets of all children add up, those of another layout at their next lower bound", () => {
	const scraped = new Scraped();
	const zero = { "0.1": 0, 1: 0, "+Inf": 0 };
	scraped.scrape(histogram(['a="1",', zero, 0], ['a="2",', { "0.5": 0, "+Inf": 0 }, 0]));
	scraped.scrape(histogram(['a="1",', { "0.1": 1, 1: 3, "+Inf": 4 }, 5], ['a="2",', { "0.5": 2, "+Inf": 2 }, 1]));
	const children = scraped.children("h");
	assert.deepEqual(boundsOf(children), [0.1, 0.5, 1, Infinity]);
	const { bounds, counts } = bucketIncreases(scraped, children, scraped.last);
	assert.deepEqual([bounds, counts], [[0.1, 0.5, 1, Infinity], [1, 3, 5, 6]]);
	assert.equal(mean(scraped, children, scraped.last), 1);
});

test("quantiles are those of histogram_quantile", () => {
	const buckets = { bounds: [0.1, 0.5, 1, Infinity], counts: [10, 20, 90, 100] };
	assert.equal(quantile(0.5, buckets), 0.5 + 0.5 * (30 / 70));
	assert.equal(quantile(0.05, buckets), 0.05);
	assert.equal(quantile(0.99, buckets), 1, "above the highest finite bound");
	assert.ok(Number.isNaN(quantile(0.5, { bounds: [1, Infinity], counts: [0, 0] })));
	assert.ok(Number.isNaN(quantile(0.5, { bounds: [], counts: [] })));
	assert.equal(quantile(0.5, { bounds: [-1, 1, Infinity], counts: [8, 10, 10] }), -1, "a first bound that is not positive");
	assert.ok(Number.isNaN(quantile(0.5, { bounds: [Infinity], counts: [10] })));
});

test("a histogram that was reset counts from zero", () => {
	const scraped = new Scraped();
	for (const count of [100, 3]) scraped.scrape(histogram(["", { 1: count, "+Inf": count }, count / 2]));
	const children = scraped.children("h");
	assert.deepEqual(bucketIncreases(scraped, children, scraped.last).counts, [3, 3]);
	assert.equal(mean(scraped, children, scraped.last), 0.5);
});

test("a track computes each point once, and forgets with the timeline", () => {
	const scraped = new Scraped();
	const computed = [];
	const track = new Track((number) => {
		computed.push(number);
		return number * 10;
	});
	for (let round = 0; round < 3; round++) {
		scraped.scrape(counter(round));
		track.values(scraped.timeline);
	}
	assert.deepEqual(computed, [0, 1, 2]);
	assert.deepEqual(track.values(scraped.timeline), [0, 10, 20]);
	scraped.scrape(counter(9), 14 * 60_000 + 58_000);
	assert.deepEqual([scraped.timeline.first, track.values(scraped.timeline)], [1, [10, 20, 30]]);
	scraped.scrape(counter(9), 60 * 60_000);
	scraped.scrape(counter(9));
	assert.deepEqual([scraped.timeline.first, track.values(scraped.timeline), track.latest(scraped.timeline)], [4, [40, 50], 50]);
});
