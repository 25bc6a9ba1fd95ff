// Asks the server every few seconds while somebody looks.

/**
 * @typedef {object} Health
 * @property {string} status
 * @property {Record<string, string>} endpoints
 * @property {number} uptime seconds
 */

/**
 * @typedef {object} Scrape
 * @property {string} text the exposition
 * @property {Health | null} health null if it could not be read
 * @property {number} time milliseconds since 1970 when it was asked for
 * @property {number} took milliseconds until all of it was there
 * @property {boolean} resumed whether it follows a pause or a failure
 */

/** @typedef {{reason: string, since: number | null}} Failure */

/** A server that has not answered after so many milliseconds has failed. */
const TIMEOUT = 10_000;

export class Poller {
  interval = 2000;
  paused = false;
  /** When the answer that is awaited was asked for. @type {number | null} */
  asked = null;

  /** @type {number | undefined} */
  #timer = undefined;
  #resumed = false;
  /** @type {number | null} */
  #lastSuccess = null;

  /**
   * @param {string} metricsUrl relative
   * @param {string} healthUrl relative
   * @param {(scrape: Scrape) => void} onScrape
   * @param {(failure: Failure) => void} onFailure
   */
  constructor(metricsUrl, healthUrl, onScrape, onFailure) {
    this.metricsUrl = metricsUrl;
    this.healthUrl = healthUrl;
    this.onScrape = onScrape;
    this.onFailure = onFailure;
    document.addEventListener("visibilitychange", () => this.restart());
  }

  /** Whether nothing is asked: somebody paused it, or nobody sees the page. */
  get idle() {
    return this.paused || document.hidden;
  }

  /** Asks now, unless idle, and then at each interval. */
  restart() {
    clearTimeout(this.#timer);
    if (this.idle) this.#resumed = true;
    else if (this.asked === null) void this.#poll();
  }

  /** @param {number} milliseconds */
  setInterval(milliseconds) {
    this.interval = milliseconds;
    this.restart();
  }

  async #poll() {
    const time = Date.now();
    const begin = performance.now();
    this.asked = begin;
    /** @type {Scrape | Failure} */
    let result;
    try {
      const signal = AbortSignal.timeout(TIMEOUT);
      const [text, health] = await Promise.all([this.#metrics(signal), this.#health(signal)]);
      result = { text, health, time, took: performance.now() - begin, resumed: this.#resumed };
      this.#resumed = false;
      this.#lastSuccess = time;
    } catch (error) {
      this.#resumed = true;
      result = { reason: reasonOf(error), since: this.#lastSuccess };
    }
    this.asked = null;
    // The next poll is due whatever becomes of this one.
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.interval - (performance.now() - begin));
    if (!this.idle) this.#timer = setTimeout(() => this.restart(), wait);
    if ("reason" in result) this.onFailure(result);
    else this.onScrape(result);
  }

  /** @param {AbortSignal} signal */
  async #metrics(signal) {
    const response = await fetch(this.metricsUrl, { signal, cache: "no-store" });
    const text = await response.text();
    if (!response.ok) throw new Error(`/metrics answers ${response.status}: ${firstLine(text)}`);
    return text;
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Health | null>}
   */
  async #health(signal) {
    const response = await fetch(this.healthUrl, { signal, cache: "no-store" });
    try {
      const { status, endpoints, uptime } = await response.json();
      return { status: String(status), endpoints: { ...endpoints }, uptime: Number(uptime.secs) + Number(uptime.nanos) / 1e9 };
    } catch (error) {
      if (error instanceof DOMException) throw error;
      return null;
    }
  }
}

/** @param {unknown} error */
function reasonOf(error) {
  if (error instanceof DOMException && error.name === "TimeoutError") return `no answer within ${TIMEOUT / 1000} s`;
  if (error instanceof TypeError) return "no connection";
  return error instanceof Error ? error.message : String(error);
}

/** @param {string} text */
function firstLine(text) {
  return (text.split("\n", 1)[0] ?? "").slice(0, 200);
}
