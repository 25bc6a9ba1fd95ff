// Line charts, sparklines and heatmaps on a canvas. Time runs to the right and ends now.

import { colours, surface } from "./canvas.js";
import { formatted } from "./units.js";

/** @typedef {import("./canvas.js").Surface} Surface */
/** @typedef {import("./history.js").History} History */
/** @typedef {import("./units.js").Unit} Unit */

/** @typedef {{values: number[], colour: number}} DrawnLine */

/**
 * @typedef {object} Frame
 * @property {History} history
 * @property {number} range milliseconds shown; less while the history is shorter
 * @property {Unit} unit
 * @property {boolean} fromZero
 * @property {number | null} cursor the time under the pointer
 */

const FONT = "11px system-ui, sans-serif";
const AXIS_WIDTH = 58;
const TIME_HEIGHT = 18;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {DrawnLine[]} lines
 * @param {Frame} frame
 * @param {"spark" | "small" | "large"} size
 */
export function drawLines(canvas, lines, frame, size) {
  const drawn = surface(canvas);
  const now = frame.history.rows.at(-1)?.time;
  if (!drawn || now === undefined) return;
  const { context, width, height } = drawn;
  const box = plotBox(width, height, size);
  const [low, high] = extent(lines, frame);
  /** @param {number} value */
  const y = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
  const x = timeScale(frame, box, now);
  if (size !== "spark") {
    valueAxis(context, frame.unit, [low, high], y, box, size);
    restarts(context, frame.history, x, box);
  }
  if (size === "large") timeAxis(context, shownRange(frame.history, frame.range), now, x, box);
  context.save();
  context.beginPath();
  context.rect(box.left, 0, box.right - box.left, height);
  context.clip();
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = /** @type {DrawnLine} */ (lines[index]);
    context.strokeStyle = colours().lines[line.colour] ?? colours().text;
    stroke(context, line, frame.history, x, y, size === "large" ? 1.75 : 1.5, lines.length === 1 ? box.bottom : null);
  }
  context.restore();
  if (frame.cursor !== null && size !== "spark") cursorLine(context, lines, frame, frame.cursor, x, y, box);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DrawnLine} line
 * @param {History} history
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} width
 * @param {number | null} floor fills down to it
 */
function stroke(context, line, history, x, y, width, floor) {
  const { rows } = history;
  const path = new Path2D();
  const area = new Path2D();
  let start = NaN;
  let last = NaN;
  let lastY = NaN;
  const end = () => {
    if (start === start && floor !== null) {
      area.lineTo(last, floor);
      area.lineTo(start, floor);
    }
    // One point alone has no line: a dot stands for it.
    if (start === last) path.lineTo(last + 0.01, lastY);
    start = NaN;
  };
  for (let index = 0; index < rows.length; index++) {
    const row = /** @type {import("./history.js").Row} */ (rows[index]);
    const value = line.values[index] ?? NaN;
    if (start === start && (row.resumed || !Number.isFinite(value))) end();
    if (!Number.isFinite(value)) continue;
    last = x(row.time);
    lastY = y(value);
    if (start === start) {
      path.lineTo(last, lastY);
      area.lineTo(last, lastY);
    } else {
      start = last;
      path.moveTo(last, lastY);
      area.moveTo(last, lastY);
    }
  }
  end();
  if (floor !== null) {
    context.globalAlpha = 0.13;
    context.fillStyle = context.strokeStyle;
    context.fill(area);
    context.globalAlpha = 1;
  }
  context.lineWidth = width;
  context.lineJoin = "round";
  context.lineCap = "round";
  context.stroke(path);
}

/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */

/**
 * @param {number} width
 * @param {number} height
 * @param {"spark" | "small" | "large"} size
 * @returns {Box}
 */
function plotBox(width, height, size) {
  if (size === "spark") return { left: 0, right: width - 2, top: 3, bottom: height - 1 };
  return { left: AXIS_WIDTH, right: width - 4, top: 8, bottom: height - (size === "large" ? TIME_HEIGHT + 2 : 5) };
}

/** A chart shows no less than this, in milliseconds. */
const SHORTEST = 30_000;

/**
 * What a chart shows of the range: a young history fills it.
 * @param {History} history
 * @param {number} range
 */
function shownRange({ rows }, range) {
  return Math.min(range, Math.max(SHORTEST, (rows.at(-1)?.time ?? 0) - (rows[0]?.time ?? 0)));
}

/**
 * @param {{history: History, range: number}} frame
 * @param {Box} box
 * @param {number} now
 */
function timeScale({ history, range }, box, now) {
  const scale = (box.right - box.left) / shownRange(history, range);
  return (/** @type {number} */ time) => box.right - (now - time) * scale;
}

/**
 * The lowest and the highest value shown. They differ.
 * @param {DrawnLine[]} lines
 * @param {Frame} frame
 * @returns {[number, number]}
 */
function extent(lines, { history, range, fromZero }) {
  const { rows } = history;
  const begin = (rows.at(-1)?.time ?? 0) - range;
  let low = Infinity;
  let high = -Infinity;
  for (const { values } of lines) {
    for (let index = rows.length - 1; index >= 0; index--) {
      if (/** @type {import("./history.js").Row} */ (rows[index]).time < begin) break;
      const value = values[index] ?? NaN;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [0, 1];
  if (fromZero || low < (high - low) * 1.5) low = Math.min(low, 0);
  if (low === high) {
    if (low === 0) return [0, 1];
    return low > 0 && fromZero ? [0, high] : [low - Math.abs(low) / 100, high + Math.abs(high) / 100];
  }
  return [low, high + (high - low) * 0.04];
}

/**
 * Round values between two. Those of bytes are round in their own step.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted
 * @param {Unit} unit
 */
export function ticks(low, high, wanted, unit) {
  const base = unit.word.startsWith("bytes") ? 1024 ** Math.max(0, Math.floor(Math.log(Math.max(high, 1)) / Math.log(1024))) : 1;
  const rough = (high - low) / base / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power * base;
  /** @type {number[]} */
  const found = [];
  for (let tick = Math.ceil(low / step); tick * step <= high && found.length < 12; tick++) found.push(tick * step);
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Unit} unit
 * @param {[number, number]} extent
 * @param {(value: number) => number} y
 * @param {Box} box
 * @param {"small" | "large"} size
 */
function valueAxis(context, unit, [low, high], y, box, size) {
  const { grid, text } = colours();
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  context.strokeStyle = grid;
  context.fillStyle = text;
  for (const tick of ticks(low, high, size === "large" ? 5 : 2, unit)) {
    const at = Math.round(y(tick)) + 0.5;
    context.beginPath();
    context.moveTo(box.left, at);
    context.lineTo(box.right, at);
    context.stroke();
    context.fillText(formatted(unit, tick), box.left - 7, at, AXIS_WIDTH - 9);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} range
 * @param {number} now
 * @param {(time: number) => number} x
 * @param {Box} box
 */
function timeAxis(context, range, now, x, box) {
  const wanted = (box.right - box.left) / 90;
  const step = [10, 15, 30, 60, 120, 300, 600].map((seconds) => seconds * 1000).find((step) => range / step <= wanted) ?? 600_000;
  context.font = FONT;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillStyle = colours().text;
  for (let time = Math.ceil((now - range) / step) * step; time <= now; time += step) {
    const at = x(time);
    if (at < box.left + 20 || at > box.right - 20) continue;
    context.fillText(clock(time), at, box.bottom + TIME_HEIGHT - 3);
  }
}

/**
 * A time of day.
 * @param {number} time
 */
export function clock(time) {
  return new Date(time).toTimeString().slice(0, 8);
}

/**
 * Marks where the process began anew.
 * @param {CanvasRenderingContext2D} context
 * @param {History} history
 * @param {(time: number) => number} x
 * @param {Box} box
 */
function restarts(context, history, x, box) {
  context.save();
  context.strokeStyle = colours().marker;
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  for (const row of history.rows) {
    const at = Math.round(x(row.time)) + 0.5;
    if (!row.restarted || at < box.left) continue;
    context.beginPath();
    context.moveTo(at, box.top);
    context.lineTo(at, box.bottom);
    context.stroke();
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DrawnLine[]} lines
 * @param {Frame} frame
 * @param {number} time
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {Box} box
 */
function cursorLine(context, lines, frame, time, x, y, box) {
  const index = nearestRow(frame.history, time);
  const row = frame.history.rows[index];
  if (!row) return;
  const at = x(row.time);
  if (at < box.left) return;
  context.strokeStyle = colours().text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(at) + 0.5, box.top);
  context.lineTo(Math.round(at) + 0.5, box.bottom);
  context.stroke();
  for (const line of lines) {
    const value = line.values[index] ?? NaN;
    if (!Number.isFinite(value)) continue;
    context.fillStyle = colours().lines[line.colour] ?? colours().text;
    context.beginPath();
    context.arc(at, y(value), 3, 0, 7);
    context.fill();
  }
}

/**
 * The index of the row nearest to a time; -1 without rows.
 * @param {History} history
 * @param {number} time
 */
export function nearestRow({ rows }, time) {
  let best = -1;
  let distance = Infinity;
  for (let index = rows.length - 1; index >= 0; index--) {
    const off = Math.abs(/** @type {import("./history.js").Row} */ (rows[index]).time - time);
    if (off > distance) break;
    distance = off;
    best = index;
  }
  return best;
}

/**
 * The time at a place of a chart.
 * @param {number} place pixels from the canvas' left edge
 * @param {number} width of the canvas
 * @param {History} history
 * @param {number} range
 */
export function timeAt(place, width, history, range) {
  const now = history.rows.at(-1)?.time ?? 0;
  const { left, right } = plotBox(width, 0, "large");
  return now - ((right - place) / (right - left)) * shownRange(history, range);
}

/**
 * Observations by bucket over time: a cell is the darker, the more a bucket has.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} bounds ascending
 * @param {{bounds: number[], counts: number[]}[]} columns cumulative counts of each row
 * @param {Frame} frame
 */
export function drawHeatmap(canvas, bounds, columns, frame) {
  const drawn = surface(canvas);
  const { rows } = frame.history;
  const now = rows.at(-1)?.time;
  if (!drawn || now === undefined || !bounds.length) return;
  const { context, width, height } = drawn;
  const box = plotBox(width, height, "large");
  const x = timeScale(frame, box, now);
  const step = (box.bottom - box.top) / bounds.length;
  let most = 0;
  const cells = columns.map(({ bounds: own, counts }) =>
    bounds.map((bound) => {
      const at = own.indexOf(bound);
      const inside = at < 0 ? 0 : Math.max(0, (counts[at] ?? 0) - (counts[at - 1] ?? 0));
      most = Math.max(most, inside);
      return inside;
    }),
  );
  context.fillStyle = colours().heat;
  for (let index = 1; index < rows.length; index++) {
    const row = /** @type {import("./history.js").Row} */ (rows[index]);
    const right = x(row.time);
    if (right < box.left || row.resumed) continue;
    const left = Math.max(box.left, x(/** @type {import("./history.js").Row} */ (rows[index - 1]).time));
    for (let bucket = 0; bucket < bounds.length; bucket++) {
      const inside = cells[index]?.[bucket] ?? 0;
      if (!inside) continue;
      context.globalAlpha = 0.08 + 0.92 * Math.sqrt(inside / most);
      context.fillRect(left, box.bottom - (bucket + 1) * step + 0.5, right - left + 0.3, Math.max(step - 1, 1));
    }
  }
  context.globalAlpha = 1;
  bucketAxis(context, bounds, frame.unit, step, box);
  timeAxis(context, shownRange(frame.history, frame.range), now, x, box);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} bounds
 * @param {Unit} unit
 * @param {number} step the height of a bucket
 * @param {Box} box
 */
function bucketAxis(context, bounds, unit, step, box) {
  const every = Math.ceil(16 / step);
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = colours().text;
  for (let bucket = 0; bucket < bounds.length; bucket += every) {
    const bound = /** @type {number} */ (bounds[bucket]);
    const label = bound === Infinity ? "+Inf" : `≤ ${formatted(unit, bound)}`;
    context.fillText(label, box.left - 7, box.bottom - (bucket + 0.5) * step, AXIS_WIDTH - 9);
  }
}
