// What this process is: its place in the hierarchy, its health, its uptime.

import { arrange, byId, element, pathText, setAttribute, setText } from "./dom.js";
import { pathOf } from "./nodes.js";
import { formatted, SECONDS } from "./units.js";

/** What /health says, in words for people. @param {string} status */
const words = (status) => status.replace("notready", "not ready");

export class Header {
	title = byId("title");
	uptime = byId("uptime");
	status = byId("status");
	endpoints = byId("endpoints");

	/** Names the process by what the paths of its nodes share. @param {Reader} reader */
	name(reader) {
		const children = [...reader.families.values()].flatMap((family) => [...family.children.values()]);
		const paths = [...new Set(children.map((child) => pathOf(child).join("\n")))].filter(Boolean);
		// Of a node and the nodes below it, the deeper ones count.
		const leaves = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}\n`))).map((path) => path.split("\n"));
		const [first = [location.host]] = leaves;
		const end = first.findIndex((name, index) => leaves.some((leaf) => leaf[index] !== name));
		const names = end < 0 ? first : end ? first.slice(0, end) : [location.host];
		this.title.replaceChildren(...pathText(names));
		document.title = `${names.join("/")} · live metrics`;
	}

	/** @param {Health | null} health */
	show(health) {
		const known = health?.status ?? "unknown";
		setText(this.status, words(known));
		setAttribute(this.status, "data-status", known);
		setText(this.uptime, formatted(SECONDS, Math.floor(health?.uptime ?? NaN)));
		const items = Object.entries(health?.endpoints ?? {}).map(([name, status]) =>
			element("li", { "data-status": status }, element("span", {}, name), element("b", {}, words(status))),
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
