// Elements. Text from an exposition becomes text nodes and attribute values, never markup.

/**
 * Creates an element. An attribute that is `true` has no value; `false` leaves it out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
	const created = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (value !== false) created.setAttribute(name, value === true ? "" : String(value));
	}
	created.append(...children);
	return created;
}

/** Sets a text that may be the same: an unchanged node costs no layout. @param {Node} node @param {string} text */
export function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string} value */
export function setAttribute(node, name, value) {
	if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** The element that index.html has under this id. @template {HTMLElement} [T=HTMLElement] @param {string} id @param {{new (): T}} kind */
export function byId(id, kind = /** @type {any} */ (HTMLElement)) {
	const found = document.getElementById(id);
	if (!(found instanceof kind)) throw new TypeError(`index.html has no ${kind.name} ${id}`);
	return found;
}

/** Puts elements in order, without touching those in place. @param {Element} parent @param {Element[]} children */
export function arrange(parent, children) {
	let here = parent.firstElementChild;
	for (const child of children) {
		if (child === here) here = here.nextElementSibling;
		else parent.insertBefore(child, here);
	}
	while (parent.children.length > children.length) parent.lastElementChild?.remove();
}

/** A large number with its small unit. @param {string} title @param {number} colour @param {Formatted} formatted */
export function figureText(title, colour, [number, symbol]) {
	return element(
		"span",
		{ class: `figure line-${colour + 1}` },
		...(title ? [element("span", { class: "title" }, title)] : []),
		element("b", {}, number),
		...(symbol && number !== "–" ? [element("small", {}, symbol)] : []),
	);
}

/** A name that may break after each word. @param {string} name */
export function breakable(name) {
	return name.split(/(?<=[_:])/).flatMap((word, index) => (index ? [element("wbr"), word] : [word]));
}

/** @param {string} label @param {number} colour @param {string} value */
export function legendItem(label, colour, value) {
	return element(
		"li",
		{},
		element("i", { class: `swatch line-${colour + 1}` }),
		element("span", { class: "label" }, label),
		element("span", { class: "value" }, value),
	);
}

/** A text of at most so many characters. @param {string} text @param {number} length */
export function cut(text, length) {
	return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** The path of a node, its names apart. @param {string[]} path @returns {(Node | string)[]} */
export function pathText(path) {
	return path.flatMap((name, index) => (index ? [element("i", {}, "/"), name] : [name]));
}
