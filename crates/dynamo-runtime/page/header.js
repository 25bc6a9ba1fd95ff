// What this process is: its place in the hierarchy, its health, its uptime.

import { arrange, byId, element, setAttribute, setText } from "./dom.js";
import { pathOf } from "./nodes.js";
import { formatted, seconds } from "./units.js";

/** @typedef {import("./poller.js").Health} Health */
/** @typedef {import("./reader.js").Reader} Reader */

/** What /health says of an endpoint, in words for people. @type {Record<string, string>} */
const WORDS = { ready: "ready", notready: "not ready" };

export class Header {
  title = byId("title", HTMLElement);
  uptime = byId("uptime", HTMLElement);
  status = byId("status", HTMLElement);
  endpoints = byId("endpoints", HTMLElement);

  /**
   * Names the process by the longest path that all its nodes share.
   * @param {Reader} reader
   */
  name(reader) {
    /** @type {string[] | null} */
    let common = null;
    for (const family of reader.families.values()) {
      for (const child of family.children.values()) {
        const path = pathOf(child);
        if (!path.length) continue;
        const before = /** @type {string[] | null} */ (common);
        // A node and the nodes below it: the deepest one names them all.
        const differs = before?.findIndex((name, index) => index < path.length && path[index] !== name) ?? -1;
        common = before === null ? path : differs >= 0 ? before.slice(0, differs) : path.length > before.length ? path : before;
        if (!common.length) break;
      }
    }
    const path = common ?? [];
    const names = path.length ? path : [document.location.host];
    this.title.replaceChildren(...names.flatMap((name, index) => (index ? [element("i", {}, "/"), name] : [name])));
    document.title = `${names.join("/")} · live metrics`;
  }

  /** @param {Health | null} health */
  show(health) {
    const known = health ? health.status : "unknown";
    setText(this.status, WORDS[known] ?? known);
    setAttribute(this.status, "data-status", known);
    setText(this.uptime, health && Number.isFinite(health.uptime) ? formatted(seconds, Math.floor(health.uptime)) : "–");
    const items = Object.entries(health?.endpoints ?? {}).map(([name, status]) =>
      element("li", { "data-status": status }, element("span", {}, name), element("b", {}, WORDS[status] ?? status)),
    );
    if (this.endpoints.textContent !== items.map((item) => item.textContent).join("")) arrange(this.endpoints, items);
    this.endpoints.hidden = items.length === 0;
  }

  /** The server does not answer: what it said of its health may be wrong by now. */
  lost() {
    setText(this.status, "no answer");
    setAttribute(this.status, "data-status", "lost");
  }
}
