// Canvases that fit their place and the screen's pixels, and the colours of the style sheet.

/** @typedef {{context: CanvasRenderingContext2D, width: number, height: number}} Surface */

/** @type {WeakMap<Element, {width: number, height: number}>} */
const sizes = new WeakMap();

const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const first = !sizes.has(target);
    sizes.set(target, { width: contentRect.width, height: contentRect.height });
    target.dispatchEvent(new Event(first ? "sized" : "resized"));
  }
});

/**
 * Follows the size of a canvas, so that drawing on it asks for no layout. It gets an event `sized`,
 * later `resized`.
 * @param {HTMLCanvasElement} canvas
 */
export function watch(canvas) {
  resized.observe(canvas);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Surface | null} null before the canvas has a size
 */
export function surface(canvas) {
  const size = sizes.get(canvas);
  const context = canvas.getContext("2d");
  if (!size || !size.width || !context) return null;
  const scale = devicePixelRatio;
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  return { context, ...size };
}

/**
 * Frees the pixels of a canvas that is out of sight.
 * @param {HTMLCanvasElement} canvas
 */
export function release(canvas) {
  canvas.width = 0;
}

/**
 * @typedef {object} Palette
 * @property {string[]} lines
 * @property {string} grid
 * @property {string} text
 * @property {string} marker
 * @property {string} heat
 * @property {string} card
 */

/** How many lines have a colour of their own. */
export const COLOURS = 8;

/** @type {Palette | null} */
let palette = null;

/** The colours of light or dark, as page.css has them. */
export function colours() {
  if (palette) return palette;
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  palette = {
    lines: Array.from({ length: COLOURS }, (_, index) => colour(`--line-${index + 1}`)),
    grid: colour("--grid"),
    text: colour("--muted"),
    marker: colour("--bad"),
    heat: colour("--line-1"),
    card: colour("--card"),
  };
  return palette;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (palette = null));
