// Bad states: the server is gone, answers slowly, or its exposition has lines that cannot be read.

import { clock } from "./charts.js";
import { byId, element, setText } from "./dom.js";

/** @typedef {import("./poller.js").Failure} Failure */
/** @typedef {import("./reader.js").BadLine} BadLine */

/** A scrape that takes longer is slow, in milliseconds. */
export const SLOW = 1000;

export class Notices {
  failure = byId("failure", HTMLElement);
  slow = byId("slow", HTMLElement);
  broken = byId("broken", HTMLElement);

  /** @param {Failure | null} failure */
  showFailure(failure) {
    this.failure.hidden = !failure;
    document.body.classList.toggle("stale", failure !== null);
    if (!failure) return;
    const last = failure.since === null ? "It has not answered yet." : `The values are those of ${clock(failure.since)}.`;
    setText(this.failure, `The server does not answer: ${failure.reason}. ${last} Retrying.`);
  }

  /** @param {number | null} milliseconds */
  showSlow(milliseconds) {
    const slow = milliseconds !== null && milliseconds > SLOW;
    this.slow.hidden = !slow;
    if (slow) setText(this.slow, `The server answers slowly: the last scrape took ${(milliseconds / 1000).toFixed(1)} s.`);
  }

  /** @param {BadLine[]} bad */
  showBroken(bad) {
    this.broken.hidden = bad.length === 0;
    const [first] = bad;
    if (!first) return;
    const others = bad.length > 1 ? ` ${bad.length - 1 >= 19 ? "19 or more" : bad.length - 1} other lines cannot be read either.` : "";
    const line = first.text.length > 300 ? `${first.text.slice(0, 300)}…` : first.text;
    this.broken.replaceChildren(
      `Line ${first.line.toLocaleString("en")} of /metrics cannot be read: ${first.reason}.${others} Prometheus rejects such a scrape.`,
      element("code", {}, line),
    );
  }
}
