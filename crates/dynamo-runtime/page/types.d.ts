// The types that modules share, for `tsc --checkJs`. This file is not served.

type Timeline = import("./timeline.js").Timeline;
type Reader = import("./reader.js").Reader;
type Card = import("./card.js").Card;
type Board = import("./board.js").Board;
type Pen = CanvasRenderingContext2D;
type Canvas = HTMLCanvasElement;

type Label = [name: string, value: string];

/** A sample line. */
interface SampleLine {
	name: string;
	/** In the order of the line. */
	labels: Label[];
	value: number;
	/** The length of the part before the value, which a scrape repeats. */
	prefix: number;
	timestamp: number | null;
	exemplar: { labels: Label[]; value: number } | null;
}

/** A comment line that has a meaning. */
interface MetadataLine {
	keyword: string;
	name: string;
	text: string;
}

type Kind = "counter" | "gauge" | "histogram" | "gaugehistogram" | "summary" | "info" | "stateset" | "unknown";

/** The series of one sample line. */
interface Sample {
	/** Its place in the rows of the timeline. */
	id: number;
	value: number;
	/** The number of the last reading that had it. */
	read: number;
}

/** A sample with its `le` or its `quantile`. */
interface Bounded {
	bound: number;
	sample: Sample;
}

/** One set of label values in a family. A counter or a gauge has `value`, a histogram the rest. */
interface Child {
	key: string;
	/** Without `le`, and without `quantile` in summaries. */
	labels: Label[];
	value: Sample | null;
	sum: Sample | null;
	count: Sample | null;
	/** Ascending. */
	buckets: Bounded[];
	/** Ascending. */
	quantiles: Bounded[];
}

interface Family {
	name: string;
	kind: Kind;
	help: string;
	/** By their keys. */
	children: Map<string, Child>;
}

interface BadLine {
	line: number;
	text: string;
	reason: string;
}

/** What an exposition has. */
interface Reading {
	/** Values by the samples' ids; NaN for those not there. */
	values: Float64Array;
	samples: number;
	bad: BadLine[];
	/** Whether there are other families or series than in the last reading. */
	changed: boolean;
}

/** A line of the last exposition. */
interface Entry {
	/** What comes before the value, or a whole comment line. */
	prefix: string;
	sample: Sample | null;
	/** What a TYPE or HELP line announces. */
	family: Family | null;
	index: number;
}

/** The values of one scrape. */
interface Row {
	/** Milliseconds since 1970. */
	time: number;
	/** By the ids of samples; NaN or beyond the end: not there. */
	values: Float64Array;
	/** Whether scrapes were missed before this one. */
	resumed: boolean;
	/** Whether the process restarted before this one. */
	restarted: boolean;
}

/** Observations in a window by bucket: `counts` is cumulative, `bounds` ascends. */
interface Buckets {
	bounds: number[];
	counts: number[];
}

type Formatted = [number: string, symbol: string];

interface Unit {
	format: (value: number) => Formatted;
	bytes?: boolean;
}

/** A figure of some series at a row. `unit` is made from that of the family's values. */
interface Figure {
	title: string;
	unit: (unit: Unit) => Unit;
	at: (source: Source, children: Child[], number: number) => number;
	/** Whether a table shows the value with all its digits. */
	exact?: boolean;
}

/** How a kind of family is shown. */
interface View {
	word: string;
	/** A line for each series, a line for each figure, or none. */
	draws: "series" | "figures" | "none";
	/** Of several series the first figure ranks them. */
	figures: Figure[];
	columns: Figure[];
	/** Whether the figures of series add up. */
	total?: boolean;
	/** Whether charts begin at zero. */
	fromZero?: boolean;
}

/** What rates and quantiles are computed from. */
interface Source {
	timeline: Timeline;
	/** The milliseconds before a row that its rates and quantiles are about. */
	window: number;
}

/** What all cards and tiles share. */
interface Context extends Source {
	reader: Reader;
	/** Milliseconds that charts show, once the timeline is so long. */
	range: number;
	/** The time under the pointer. */
	cursor: number | null;
	onToggle: () => void;
}

/** A line of a card. */
interface Line {
	label: string;
	colour: number;
	track: import("./rates.js").Track;
}

interface DrawnLine {
	values: number[];
	colour: number;
}

interface Frame {
	timeline: Timeline;
	range: number;
	unit: Unit;
	fromZero: boolean;
	cursor: number | null;
}

type Size = "spark" | "small" | "large";

interface Palette {
	lines: string[];
	grid: string;
	text: string;
	marker: string;
}

/** A group of families on the page: those of a node, those of an engine on it. */
interface Group {
	/** By which groups are sorted. */
	key: string;
	path: string[];
	/** What follows the path. */
	title: string;
}

interface Section {
	group: Group;
	element: HTMLElement;
	count: HTMLElement;
	grid: HTMLElement;
	/** In the contents. */
	link: HTMLAnchorElement;
	cards: Card[];
}

interface TableRow {
	element: HTMLTableRowElement;
	/** Of the columns. */
	cells: HTMLDataElement[];
	spark: Canvas;
	/** The child in an array of its own. */
	single: Child[];
	track: import("./rates.js").Track | null;
}

/** A figure of a tile, from the first family found. */
interface Part {
	/** Empty for the only one. */
	title: string;
	/** Their names. */
	families: RegExp[];
	at: Figure["at"];
}

interface Tile {
	title: string;
	unit: Unit;
	kind: Kind;
	parts: Part[];
	/** Whether anything but zero is bad. */
	bad?: boolean;
}

/** What `/health` says. */
interface Health {
	status: string;
	endpoints: Record<string, string>;
	/** Seconds. */
	uptime: number;
}

interface Scrape {
	/** The exposition. */
	text: string;
	/** Null if it cannot be read. */
	health: Health | null;
	/** When it was asked for, in milliseconds since 1970. */
	time: number;
	/** Milliseconds until all of it was there. */
	took: number;
	/** Whether it follows a pause or a failure. */
	resumed: boolean;
}

interface Failure {
	/** A sentence without its full stop. */
	reason: string;
	/** When the server last answered. */
	since: number | null;
}

/** What the URL's hash says. */
interface State {
	/** What is searched for. */
	query: string;
	/** Seconds between scrapes. */
	every: number;
	/** Minutes shown. */
	range: number;
	/** The keys of the cards that are open. */
	open: string[];
	/** The keys of the open cards that show a heatmap. */
	heat: string[];
}
