// All cards, grouped by node and engine. Only those in sight are drawn.

import { Card } from "./card.js";
import { arrange, element, setText } from "./dom.js";
import { groupOf, pathOf, searchTerms } from "./nodes.js";

/** @typedef {import("./card.js").Context} Context */
/** @typedef {import("./nodes.js").Group} Group */
/** @typedef {import("./reader.js").Child} Child */
/** @typedef {import("./reader.js").Family} Family */

/**
 * @typedef {object} Section
 * @property {Group} group
 * @property {HTMLElement} element
 * @property {HTMLElement} count
 * @property {HTMLElement} grid
 * @property {HTMLAnchorElement} link in the contents
 * @property {Card[]} cards
 */

export class Board {
  /** @type {Map<string, Card>} by key */
  cards = new Map();
  /** @type {Map<string, Section>} by the group's key */
  #sections = new Map();
  /** @type {WeakMap<Element, Card>} */
  #byElement = new WeakMap();
  /** @type {{query: string, kind: string}} */
  #filter = { query: "", kind: "all" };

  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} contents
   * @param {HTMLElement} empty shown when a search finds nothing
   * @param {Context} context
   */
  constructor(place, contents, empty, context) {
    this.place = place;
    this.contents = contents;
    this.empty = empty;
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
        const one = wanted.get(key);
        if (one) one.children.push(child);
        else wanted.set(key, { family, path, children: [child] });
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
    this.filter(this.#filter.query, this.#filter.kind);
  }

  /**
   * Shows the cards that a search finds.
   * @param {string} query
   * @param {string} kind
   */
  filter(query, kind) {
    this.#filter = { query, kind };
    const terms = searchTerms(query);
    let found = 0;
    for (const section of this.#sections.values()) {
      let here = 0;
      for (const card of section.cards) {
        const matches = card.matches(terms, kind);
        card.element.hidden = !matches;
        if (matches) here++;
      }
      section.element.hidden = here === 0;
      section.link.hidden = here === 0;
      setText(section.count, String(here));
      setText(/** @type {Element} */ (section.link.lastElementChild), String(here));
      found += here;
    }
    this.empty.hidden = found > 0 || !this.cards.size;
    return found;
  }

  /** Draws what is in sight. */
  update() {
    for (const card of this.cards.values()) if (card.visible && !card.element.hidden) card.update();
  }

  /** Draws the charts in sight, as the pointer moves. */
  draw() {
    for (const card of this.cards.values()) if (card.visible && !card.element.hidden) card.draw();
  }

  /** Forgets what was computed with another window. */
  reset() {
    for (const card of this.cards.values()) card.reset();
  }

  /**
   * @param {string[]} open keys
   * @param {string[]} heat keys
   */
  setOpen(open, heat) {
    for (const card of this.cards.values()) {
      card.heat = heat.includes(card.key);
      card.setOpen(open.includes(card.key));
    }
  }

  /**
   * The card that a canvas is on.
   * @param {Element} canvas
   */
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
      const id = `group-${[...group.path, group.title].join("-").replace(/[^A-Za-z0-9_-]+/g, "_")}`;
      const count = element("span", { class: "count" });
      const grid = element("div", { class: "grid" });
      const heading = element("h2", { id, tabindex: -1 }, ...titleOf(group), count);
      const link = element("a", { href: `#${id}` }, element("span", {}, ...titleOf(group)), element("span", { class: "count" }));
      // The hash is the state of the page: the link only moves.
      link.addEventListener("click", (event) => {
        event.preventDefault();
        heading.scrollIntoView();
        heading.focus({ preventScroll: true });
      });
      section = { group, element: element("section", { "aria-labelledby": id }, heading, grid), count, grid, link, cards: [] };
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
  /** @type {(Node | string)[]} */
  const parts = path.flatMap((name, index) => (index ? [element("i", {}, "/"), name] : [name]));
  return title ? [...parts, element("span", { class: path.length ? "engine" : "" }, title)] : parts;
}
