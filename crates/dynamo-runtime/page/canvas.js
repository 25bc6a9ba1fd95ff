// Canvases that fit their place and the screen's pixels, and the colours of page.css.

/** @type {WeakMap<Element, DOMRectReadOnly>} */
const sizes = new WeakMap();

const observer = new ResizeObserver((entries) => {
	for (const { target, contentRect } of entries) {
		sizes.set(target, contentRect);
		target.dispatchEvent(new Event("sized"));
	}
});

/**
 * Follows the size of a canvas, so that drawing on it asks for no layout.
 * @param {Canvas} canvas
 * @param {() => void} draw called whenever it has another size
 */
export function watch(canvas, draw) {
	canvas.addEventListener("sized", draw);
	observer.observe(canvas);
}

/** An empty canvas to draw on; null before it has a size. @param {Canvas} canvas */
export function surface(canvas) {
	const { width = 0, height = 0 } = sizes.get(canvas) ?? {};
	const pen = canvas.getContext("2d");
	if (!width || !pen) return null;
	const scale = devicePixelRatio;
	const pixels = [Math.round(width * scale), Math.round(height * scale)];
	if (canvas.width !== pixels[0]) canvas.width = pixels[0];
	if (canvas.height !== pixels[1]) canvas.height = pixels[1];
	pen.setTransform(scale, 0, 0, scale, 0, 0);
	pen.clearRect(0, 0, width, height);
	return { pen, width, height };
}

/** How many lines have a colour of their own. */
export const COLOURS = 6;

/** @type {Palette | null} */
let palette = null;

/** The colours of light or dark. @returns {Palette} */
export function colours() {
	if (palette) return palette;
	const style = getComputedStyle(document.documentElement);
	/** @param {string} name */
	const colour = (name) => style.getPropertyValue(name).trim();
	const lines = Array.from({ length: COLOURS }, (_, index) => colour(`--line-${index + 1}`));
	return (palette = { lines, grid: colour("--grid"), text: colour("--muted"), marker: colour("--bad") });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (palette = null));
