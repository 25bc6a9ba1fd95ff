// The visible texts that stand out too little from their ground: contrast below 4.5, as WCAG 2 has it.

const luminance = (rgb) => {
	const [red, green, blue] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
const groundOf = (element) => {
	for (let one = element; one; one = one.parentElement) {
		const ground = parts(getComputedStyle(one).backgroundColor);
		if (ground.length === 3 || ground[3] === 1) return ground.slice(0, 3);
	}
	return [255, 255, 255];
};
const poor = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
	const element = texts.currentNode.parentElement;
	if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
	const pair = [luminance(parts(getComputedStyle(element).color).slice(0, 3)), luminance(groundOf(element))].sort((a, b) => b - a);
	const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
	if (contrast < 4.5) poor.push(`${texts.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
}
return poor;
