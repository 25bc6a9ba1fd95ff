// Elements. Text from an exposition becomes text nodes and attribute values, never markup.

/**
 * Creates an element. An attribute that is `true` has no value; `false`, `null` leave it out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) created.setAttribute(name, value === true ? "" : String(value));
  }
  created.append(...children);
  return created;
}

/**
 * Sets a text that may be the same: an unchanged node costs no layout.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * The element that index.html has under this id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {{new (): T}} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`index.html has no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * Puts elements in order, without touching those in place.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  let here = parent.firstElementChild;
  for (const child of children) {
    if (child === here) here = here.nextElementSibling;
    else parent.insertBefore(child, here);
  }
  while (here) {
    const next = here.nextElementSibling;
    here.remove();
    here = next;
  }
}

/**
 * A large number with its small unit.
 * @param {[number: string, symbol: string]} formatted
 */
export function largeNumber([number, symbol]) {
  return [element("b", {}, number), ...(symbol && number !== "–" ? [element("small", {}, symbol)] : [])];
}

/**
 * A name that may break after each word.
 * @param {string} name
 */
export function breakable(name) {
  return name.split(/(?<=[_:])/).flatMap((word, index) => (index ? [element("wbr"), word] : [word]));
}
