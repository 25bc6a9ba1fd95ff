// Line charts, sparklines and heatmaps on a canvas. Time runs to the right and ends now.

import { colours, surface } from "./canvas.js";
import { formatted } from "./units.js";

const FONT = "11px system-ui, sans-serif";
const AXIS_WIDTH = 58;
const TIME_HEIGHT = 20;
/** Steps of the time axis, in seconds. */
const TIME_STEPS = [5, 10, 15, 30, 60, 120, 300];
/** A chart shows no less than this, in milliseconds. */
const SHORTEST = 30_000;

/** @param {Canvas} canvas @param {DrawnLine[]} lines the first one ends on top @param {Frame} frame @param {Size} size */
export function drawLines(canvas, lines, frame, size) {
	const plot = plotOn(canvas, frame, size);
	if (!plot) return;
	plot.fit(lines);
	if (size !== "spark") {
		plot.valueAxis(size === "large" ? 3 : 1.5);
		plot.restarts();
	}
	if (size === "large") plot.timeAxis();
	for (const line of lines.toReversed()) plot.line(line, lines.length === 1);
	if (size !== "spark") plot.cursor(lines);
}

/**
 * Observations by bucket over time: a cell is the darker, the more its bucket has.
 * @param {Canvas} canvas
 * @param {number[]} bounds ascending
 * @param {Buckets[]} columns of each row
 * @param {Frame} frame
 */
export function drawHeatmap(canvas, bounds, columns, frame) {
	const plot = plotOn(canvas, frame, "large");
	if (!plot) return;
	plot.heat(bounds, columns);
	plot.timeAxis();
}

/** @param {Canvas} canvas @param {Frame} frame @param {Size} size */
function plotOn(canvas, frame, size) {
	const drawn = surface(canvas);
	return drawn && frame.timeline.rows.length ? new Plot(drawn.pen, drawn.width, drawn.height, frame, size) : null;
}

class Plot {
	low = 0;
	high = 1;

	/** @param {Pen} pen @param {number} width @param {number} height @param {Frame} frame @param {Size} size */
	constructor(pen, width, height, frame, size) {
		this.pen = pen;
		this.frame = frame;
		this.rows = frame.timeline.rows;
		this.now = this.rows[this.rows.length - 1].time;
		this.range = shownRange(frame.timeline, frame.range);
		const spark = size === "spark";
		this.left = spark ? 0 : AXIS_WIDTH;
		this.right = width - (spark ? 2 : 4);
		this.top = spark ? 3 : 8;
		this.bottom = height - (spark ? 1 : size === "large" ? TIME_HEIGHT : 5);
		pen.font = FONT;
		pen.textBaseline = "middle";
		pen.lineJoin = pen.lineCap = "round";
	}

	/** @param {number} time */
	x(time) {
		return this.right - ((this.now - time) / this.range) * (this.right - this.left);
	}

	/** @param {number} value */
	y(value) {
		return this.bottom - ((value - this.low) / (this.high - this.low)) * (this.bottom - this.top);
	}

	/** Fits the value axis to what is shown of some lines. @param {DrawnLine[]} lines */
	fit(lines) {
		let low = Infinity;
		let high = -Infinity;
		for (const { values } of lines) {
			for (let index = this.rows.length - 1; index >= 0 && this.rows[index].time >= this.now - this.range; index--) {
				const value = values[index];
				if (!Number.isFinite(value)) continue;
				if (value < low) low = value;
				if (value > high) high = value;
			}
		}
		if (low > high) return;
		if (this.frame.fromZero || low < (high - low) * 1.5) low = Math.min(low, 0);
		const room = (high - low) * 0.04 || Math.abs(high) / 100 || 1;
		this.low = low === high && low ? low - room : low;
		this.high = high + room;
	}

	/** @param {DrawnLine} line @param {boolean} filled */
	line({ values, colour }, filled) {
		const { pen, rows } = this;
		const path = new Path2D();
		const area = filled ? new Path2D() : null;
		let [start, x, y] = [NaN, NaN, NaN];
		const end = () => {
			if (Number.isNaN(start)) return;
			area?.lineTo(x, this.bottom);
			area?.lineTo(start, this.bottom);
			if (start === x) path.lineTo(x + 0.01, y); // a point alone is a dot
			start = NaN;
		};
		let index = rows.findIndex(({ time }) => time >= this.now - this.range);
		for (; index < rows.length; index++) {
			const value = values[index];
			if (rows[index].resumed || !Number.isFinite(value)) end();
			if (!Number.isFinite(value)) continue;
			x = this.x(rows[index].time);
			y = this.y(value);
			if (Number.isNaN(start)) {
				start = x;
				path.moveTo(x, y);
				area?.moveTo(x, y);
			}
			path.lineTo(x, y);
			area?.lineTo(x, y);
		}
		end();
		pen.strokeStyle = pen.fillStyle = colours().lines[colour] ?? colours().text;
		if (area) {
			pen.globalAlpha = 0.13;
			pen.fill(area);
			pen.globalAlpha = 1;
		}
		pen.lineWidth = 1.5;
		pen.stroke(path);
	}

	/** @param {number} wanted how many values at least */
	valueAxis(wanted) {
		const { pen, frame } = this;
		pen.strokeStyle = colours().grid;
		pen.lineWidth = 1;
		for (const tick of ticks(this.low, this.high, wanted, frame.unit.bytes)) {
			const y = Math.round(this.y(tick)) + 0.5;
			this.stroke(this.left, y, this.right, y);
			this.label(formatted(frame.unit, tick), y);
		}
	}

	timeAxis() {
		const wanted = (this.right - this.left) / 90;
		const step = 1000 * (TIME_STEPS.find((seconds) => this.range / seconds / 1000 <= wanted) ?? 600);
		this.pen.textAlign = "center";
		this.pen.fillStyle = colours().text;
		for (let time = Math.ceil((this.now - this.range) / step) * step; time <= this.now; time += step) {
			const x = this.x(time);
			if (x > this.left + 20 && x < this.right - 20) this.pen.fillText(clock(time), x, this.bottom + TIME_HEIGHT / 2 + 2);
		}
	}

	/** Marks the restarts of the process. */
	restarts() {
		const { pen } = this;
		pen.strokeStyle = colours().marker;
		pen.setLineDash([3, 3]);
		for (const { time, restarted } of this.rows) {
			const x = Math.round(this.x(time)) + 0.5;
			if (restarted && x >= this.left) this.stroke(x, this.top, x, this.bottom);
		}
		pen.setLineDash([]);
	}

	/** @param {DrawnLine[]} lines */
	cursor(lines) {
		const { pen, frame, rows } = this;
		if (frame.cursor === null) return;
		const index = nearestRow(frame.timeline, frame.cursor);
		const x = this.x(rows[index].time);
		if (x < this.left) return;
		pen.strokeStyle = colours().text;
		pen.lineWidth = 1;
		this.stroke(x, this.top, x, this.bottom);
		for (const { values, colour } of lines) {
			if (!Number.isFinite(values[index])) continue;
			pen.fillStyle = colours().lines[colour];
			pen.beginPath();
			pen.arc(x, this.y(values[index]), 3, 0, 7);
			pen.fill();
		}
	}

	/** @param {number[]} bounds @param {Buckets[]} columns */
	heat(bounds, columns) {
		const { pen, rows } = this;
		const height = (this.bottom - this.top) / bounds.length;
		const cells = columns.map(({ counts }) => counts.map((count, index) => Math.max(0, count - (counts[index - 1] ?? 0))));
		const most = Math.max(1e-9, ...cells.flat());
		pen.fillStyle = colours().lines[0];
		for (let index = 1; index < rows.length; index++) {
			const right = this.x(rows[index].time);
			const left = Math.max(this.left, this.x(rows[index - 1].time));
			if (right <= left || rows[index].resumed) continue;
			cells[index].forEach((count, bucket) => {
				pen.globalAlpha = count && 0.08 + 0.92 * Math.sqrt(count / most);
				pen.fillRect(left, this.bottom - (bucket + 1) * height + 0.5, right - left + 0.3, Math.max(height - 1, 1));
			});
		}
		pen.globalAlpha = 1;
		const every = Math.ceil(16 / height);
		for (let bucket = 0; bucket < bounds.length; bucket += every) {
			const bound = bounds[bucket];
			this.label(bound === Infinity ? "+Inf" : `≤ ${formatted(this.frame.unit, bound)}`, this.bottom - (bucket + 0.5) * height);
		}
	}

	/** Writes a value left of the plot. @param {string} text @param {number} y */
	label(text, y) {
		this.pen.textAlign = "right";
		this.pen.fillStyle = colours().text;
		this.pen.fillText(text, this.left - 7, y, AXIS_WIDTH - 9);
	}

	/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
	stroke(x1, y1, x2, y2) {
		this.pen.beginPath();
		this.pen.moveTo(x1, y1);
		this.pen.lineTo(x2, y2);
		this.pen.stroke();
	}
}

/**
 * Round values between two. Those of bytes are round in their own step.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted how many at least
 * @param {boolean} [bytes]
 */
export function ticks(low, high, wanted, bytes) {
	const base = bytes ? 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(high, 1)) / 10)) : 1;
	const rough = (high - low) / base / wanted;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = ([5, 2].find((factor) => factor * power <= rough) ?? 1) * power * base;
	const found = [];
	for (let tick = Math.ceil(low / step); tick * step <= high && found.length < 12; tick++) found.push(tick * step);
	return found;
}

/** What a chart shows of a range: a young timeline fills it. @param {Timeline} timeline @param {number} range milliseconds */
function shownRange({ rows }, range) {
	return Math.min(range, Math.max(SHORTEST, rows[rows.length - 1].time - rows[0].time));
}

/**
 * The time at a place of a chart.
 * @param {number} place pixels from the canvas' left edge
 * @param {number} width of the canvas
 * @param {Timeline} timeline
 * @param {number} range
 */
export function timeAt(place, width, timeline, range) {
	const now = timeline.rows.at(-1)?.time ?? 0;
	return now - ((width - 4 - place) / (width - 4 - AXIS_WIDTH)) * shownRange(timeline, range);
}

/** The index of the row nearest to a time; -1 without rows. @param {Timeline} timeline @param {number} time */
export function nearestRow({ rows }, time) {
	let index = rows.length - 1;
	while (index > 0 && Math.abs(rows[index - 1].time - time) <= Math.abs(rows[index].time - time)) index--;
	return index;
}

/** A time of day. @param {number} time */
export const clock = (time) => new Date(time).toTimeString().slice(0, 8);
