// All cards, grouped by node and engine. Only those in sight are drawn.

import { Card } from "./card.js";
import { arrange, byId, element, pathText, setText } from "./dom.js";
import { groupOf, pathOf, searchTerms } from "./nodes.js";

export class Board {
	/** By key. @type {Map<string, Card>} */
	cards = new Map();
	/** By the group's key. @type {Map<string, Section>} */
	#sections = new Map();
	/** @type {WeakMap<Element, Card>} */
	#byElement = new WeakMap();
	#query = "";

	place = byId("families");
	contents = byId("contents");
	/** Shown when a search finds nothing. */
	empty = byId("empty");

	/** @param {Context} context */
	constructor(context) {
		this.context = context;
		this.observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "200px 0px" });
	}

	/** Makes the cards fit the families and series there are. */
	rebuild() {
		/** @type {Map<string, {family: Family, path: string[], children: Child[]}>} */
		const wanted = new Map();
		for (const family of this.context.reader.families.values()) {
			for (const child of family.children.values()) {
				const path = pathOf(child);
				const key = path.length ? `${family.name}@${path.join("/")}` : family.name;
				const one = wanted.get(key) ?? { family, path, children: [] };
				one.children.push(child);
				wanted.set(key, one);
			}
		}
		for (const [key, card] of this.cards) {
			if (wanted.get(key)?.family === card.family) continue;
			this.observer.unobserve(card.element);
			this.cards.delete(key);
		}
		for (const [key, { family, path, children }] of wanted) {
			let card = this.cards.get(key);
			if (!card) {
				card = new Card(this.context, family, path, key);
				this.cards.set(key, card);
				this.#byElement.set(card.element, card);
				this.observer.observe(card.element);
			}
			card.setChildren(children);
		}
		this.#arrange();
		this.filter(this.#query);
	}

	/** Shows the cards that a search finds. @param {string} query */
	filter(query) {
		this.#query = query;
		const terms = searchTerms(query);
		let found = 0;
		for (const section of this.#sections.values()) {
			for (const card of section.cards) card.element.hidden = !card.matches(terms);
			const here = section.cards.filter((card) => !card.element.hidden).length;
			section.element.hidden = section.link.hidden = here === 0;
			setText(section.count, String(here));
			setText(/** @type {Element} */ (section.link.lastElementChild), String(here));
			found += here;
		}
		this.empty.hidden = found > 0 || !this.cards.size;
		return found;
	}

	/** Has all cards do something, which those out of sight ignore. @param {"update" | "draw" | "reset"} what */
	all(what) {
		for (const card of this.cards.values()) card[what]();
	}

	/** @param {string[]} open keys @param {string[]} heat keys */
	setOpen(open, heat) {
		for (const card of this.cards.values()) {
			card.setOpen(open.includes(card.key));
			card.setHeat(heat.includes(card.key));
		}
	}

	/** The card that a canvas is on. @param {Element} canvas */
	cardOf(canvas) {
		const article = canvas.closest("article");
		return article ? this.#byElement.get(article) : undefined;
	}

	#arrange() {
		for (const section of this.#sections.values()) section.cards = [];
		for (const card of this.cards.values()) this.#section(groupOf(card.family.name, card.path)).cards.push(card);
		for (const [key, section] of this.#sections) if (!section.cards.length) this.#sections.delete(key);
		const sections = [...this.#sections.values()].sort((a, b) => (a.group.key < b.group.key ? -1 : 1));
		for (const section of sections) arrange(section.grid, section.cards.map((card) => card.element));
		arrange(this.place, sections.map((section) => section.element));
		arrange(this.contents, sections.map((section) => section.link));
	}

	/** @param {Group} group */
	#section(group) {
		let section = this.#sections.get(group.key);
		if (!section) {
			const count = element("span", { class: "count" });
			const grid = element("div", { class: "grid" });
			const heading = element("h2", { tabindex: -1 }, ...titleOf(group), count);
			const link = element("a", { href: "#" }, element("span", {}, ...titleOf(group)), element("span", { class: "count" }));
			// The hash is the state of the page: the link only moves.
			link.addEventListener("click", (event) => {
				event.preventDefault();
				heading.scrollIntoView();
				heading.focus({ preventScroll: true });
			});
			section = { group, element: element("section", { "aria-label": [...group.path, group.title].join(" ") }, heading, grid), count, grid, link, cards: [] };
			this.#sections.set(group.key, section);
		}
		return section;
	}

	/** @param {IntersectionObserverEntry[]} entries */
	#seen(entries) {
		for (const { target, isIntersecting } of entries) {
			const card = this.#byElement.get(target);
			if (!card || card.visible === isIntersecting) continue;
			card.visible = isIntersecting;
			if (isIntersecting) card.update();
			else card.hide();
		}
	}
}

/** @param {Group} group */
function titleOf({ path, title }) {
	return title ? [...pathText(path), element("span", { class: path.length ? "engine" : "" }, title)] : pathText(path);
}
