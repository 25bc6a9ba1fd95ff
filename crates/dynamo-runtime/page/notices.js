// Bad states: the server cannot be reached or is slow, or lines of its exposition cannot be read.

import { clock } from "./charts.js";
import { byId, cut, element, setText } from "./dom.js";
import { BAD_LINES } from "./reader.js";
import { exact } from "./units.js";

/** A scrape that takes longer is slow, in milliseconds. */
export const SLOW = 1000;

export class Notices {
	failure = byId("failure");
	slow = byId("slow");
	broken = byId("broken");

	/** @param {Failure | null} failure */
	showFailure(failure) {
		this.failure.hidden = !failure;
		document.body.classList.toggle("stale", failure !== null);
		if (!failure) return;
		const last = failure.since === null ? "There are no values yet." : `The values are those of ${clock(failure.since)}.`;
		setText(this.failure, `${failure.reason}. ${last} Retrying.`);
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
		const others = bad.length > 1 ? ` It is the first of ${bad.length === BAD_LINES ? "many" : bad.length}.` : "";
		this.broken.replaceChildren(
			`Line ${exact(first.line)} of /metrics cannot be read: ${first.reason}.${others} Prometheus rejects such a scrape.`,
			element("code", {}, cut(first.text, 300)),
		);
	}
}
