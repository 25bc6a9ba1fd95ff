// Asks the server every few seconds while somebody looks.

import { cut } from "./dom.js";

/** A server that has not answered after so many milliseconds has failed. */
const TIMEOUT = 10_000;

export class Poller {
	/** Milliseconds. */
	interval = 2000;
	paused = false;
	/** When the answer that is awaited was asked for. @type {number | null} */
	asked = null;

	#timer = 0;
	#resumed = false;
	/** @type {number | null} */
	#lastSuccess = null;

	/**
	 * @param {string} metrics URL
	 * @param {string} health URL
	 * @param {(scrape: Scrape) => void} onScrape
	 * @param {(failure: Failure) => void} onFailure
	 */
	constructor(metrics, health, onScrape, onFailure) {
		this.urls = [metrics, health];
		this.onScrape = onScrape;
		this.onFailure = onFailure;
		document.addEventListener("visibilitychange", () => this.restart());
	}

	/** Asks now and then at each interval, unless somebody paused it or nobody sees the page. */
	restart() {
		clearTimeout(this.#timer);
		if (this.paused || document.hidden) this.#resumed = true;
		else if (this.asked === null) void this.#poll();
	}

	async #poll() {
		const time = Date.now();
		const begin = (this.asked = performance.now());
		/** @type {Scrape | Failure} */
		let result;
		try {
			const [text, health] = await this.#ask(AbortSignal.timeout(TIMEOUT));
			result = { text, health, time, took: performance.now() - begin, resumed: this.#resumed };
			this.#resumed = false;
			this.#lastSuccess = time;
		} catch (error) {
			this.#resumed = true;
			result = { reason: reasonOf(error), since: this.#lastSuccess };
		}
		this.asked = null;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.restart(), begin + this.interval - performance.now());
		if ("reason" in result) this.onFailure(result);
		else this.onScrape(result);
	}

	/** @param {AbortSignal} signal @returns {Promise<[string, Health | null]>} */
	async #ask(signal) {
		const [metrics, health] = await Promise.all(this.urls.map((url) => fetch(url, { signal, cache: "no-store" })));
		const [text, json] = await Promise.all([metrics.text(), health.text()]);
		if (!metrics.ok) throw new Error(`/metrics answers ${metrics.status}: ${cut(text.split("\n", 1)[0], 200)}`);
		return [text, healthOf(json)];
	}
}

/** @param {string} json @returns {Health | null} */
function healthOf(json) {
	try {
		const { status, endpoints, uptime } = JSON.parse(json);
		return { status: String(status), endpoints: { ...endpoints }, uptime: uptime.secs + uptime.nanos / 1e9 };
	} catch {
		return null;
	}
}

/** @param {unknown} error */
function reasonOf(error) {
	if (error instanceof DOMException) return `The server has not answered within ${TIMEOUT / 1000} s`;
	return error instanceof TypeError ? "The server cannot be reached" : String(error).replace(/^Error: /, "");
}
