// What the card knows of a log: its lines by number, their colours, where a term occurs. Pure.

import { number } from "./words.js";

/** Characters that a row shows. The kernel cuts there and adds a note, for which there is SPARE room. */
export const LIMIT = 10_000;
const SPARE = 200;
/** Runs of colour, and marks, that a row is split into at most: a hostile line has thousands. */
export const RUNS = 200;
const BLOCK = 512;
/** Milliseconds that a piece of work takes before the page gets its turn. */
export const SLICE = 10;
/** Milliseconds after which a gap is asked for again. */
export const ASK_AGAIN = 10_000;

// ---- Text ----

export const countLines = (/** @type {number} */ count) => `${number(count)} line${count === 1 ? "" : "s"}`;

// As in text.py: escape sequences, and what is not to be seen but has an effect (a tab is to be seen).
const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
export const strip = (text) =>
  UNSEEN.test(text) ? text.replace(ESCAPES, "").replace(new RegExp(UNSEEN, "g"), "") : text;

function cut(text) {
  if (text.length <= LIMIT + SPARE) return text;
  return `${text.slice(0, LIMIT)}… (${number(text.length - LIMIT)} characters more)`;
}

/** A line as a row shows it, without its colours. */
export const plain = (/** @type {string} */ text) => cut(strip(text));

/** Which of the 16 colours is nearest: those are readable in both themes, the others may not be. */
function nearest(red, green, blue) {
  const [high, low] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  if (high - low < 40) return high < 64 ? 0 : high < 140 ? 8 : high < 220 ? 7 : 15;
  const middle = (high + low) / 2;
  return (red > middle ? 1 : 0) + (green > middle ? 2 : 0) + (blue > middle ? 4 : 0) + (high > 200 ? 8 : 0);
}

function indexed(index) {
  if (!(index >= 16)) return index >= 0 ? index : null;
  if (index > 231) return nearest(...Array(3).fill(8 + (index - 232) * 10));
  const level = (value) => (value ? 55 + value * 40 : 0);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** Apply the parameters of one `ESC [ … m` to a style. */
function sgr(style, parameters) {
  const codes = parameters.split(";");
  for (let at = 0; at < codes.length; at += 1) {
    let [code, ...more] = codes[at].split(":").map(Number);
    if ((code === 38 || code === 48) && !more.length) {
      const length = codes[at + 1] === "5" ? 2 : codes[at + 1] === "2" ? 4 : 0;
      more = codes.slice(at + 1, at + 1 + length).map(Number);
      at += length;
    }
    if (code === 0) for (const key of Object.keys(style)) delete style[key];
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = more[0] !== 0;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.strike = false;
    else if (code >= 30 && code <= 37) style.fore = code - 30;
    else if (code >= 40 && code <= 47) style.back = code - 40;
    else if (code >= 90 && code <= 97) style.fore = code - 82;
    else if (code >= 100 && code <= 107) style.back = code - 92;
    else if (code === 39) style.fore = null;
    else if (code === 49) style.back = null;
    else if (code === 38 || code === 48) {
      const colour = more[0] === 5 ? indexed(more[1]) : more[0] === 2 ? nearest(...more.slice(-3)) : null;
      style[code === 38 ? "fore" : "back"] = colour;
    }
  }
}

/** A style's classes. On a coloured ground the text has the log's ground as its colour: always contrast enough. */
function classes(style) {
  const [fore, back] = [style.fore ?? null, style.back ?? null];
  const ground = back ?? (style.inverse ? (fore ?? "t") : null);
  const names =
    ground !== null ? [`pcb-b${ground}`] : fore !== null ? [`pcb-f${fore}`] : style.dim ? ["pcb-dim"] : [];
  for (const name of ["bold", "italic", "underline", "strike"]) if (style[name]) names.push(`pcb-${name}`);
  return names.join(" ");
}

/** A line with colours as runs of text and their classes; together they are `plain(text)`. */
export function parseSgr(text) {
  const whole = plain(text);
  if (!text.includes("\x1b")) return whole ? [{ text: whole, classes: "" }] : [];
  const runs = [];
  const style = {};
  let at = 0;
  const push = (end) => {
    if (end <= at) return;
    const names = classes(style);
    const last = runs.at(-1);
    if (last && last.classes === names) last.text += whole.slice(at, end);
    else runs.push({ text: whole.slice(at, end), classes: names });
    at = end;
  };
  const parts = text.split(/\x1b\[([0-9;:]*)m/);
  for (let part = 0; part < parts.length && at < LIMIT && runs.length < RUNS; part += 2) {
    if (part) sgr(style, parts[part - 1]);
    push(Math.min(whole.length, LIMIT, at + strip(parts[part]).length));
  }
  for (const key of Object.keys(style)) delete style[key];
  push(whole.length);
  return runs;
}

/** Lower case of the same length, so that places in it are places in the text. */
function fold(text) {
  const low = text.toLowerCase();
  if (low.length === text.length) return low;
  return Array.from(text, (one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join("");
}

/** Where a term begins in a text, upper and lower case being the same; at most `limit` places. */
export function findMatches(text, term, limit = Infinity) {
  const [where, what] = [fold(text), fold(term)];
  const found = [];
  if (!what) return found;
  for (let at = where.indexOf(what); at >= 0 && found.length < limit; at = where.indexOf(what, at + what.length)) {
    found.push(at);
  }
  return found;
}

// ---- Lines. Ranges of line numbers are half-open and in order. ----

/** The lines of a log that have been seen, by number, and which have not. */
export class LogStore {
  constructor() {
    this.generation = null;
    this.clear();
  }

  clear() {
    this.total = 0;
    this.columns = 0;
    this.notice = "";
    this.done = false;
    this.known = [];
    this.blocks = new Map();
  }

  /** Take a window: whether the log is another one now, and the range of lines that are new or changed. */
  window(log) {
    const other = this.generation !== log.generation;
    if (other) this.clear();
    Object.assign(this, { generation: log.generation, notice: log.notice || "", done: Boolean(log.done) });
    this.total = Math.max(this.total, log.total || 0);
    return { other, range: this.put(log.generation, log.first, log.lines || []) };
  }

  /** Take lines of this generation; gives the range of those that are new or changed, or null. */
  put(generation, first, added) {
    if (generation !== this.generation || !added.length || !(first >= 0)) return null;
    let [low, high] = [Infinity, -1];
    added.forEach((text, index) => {
      const line = first + index;
      if (this.line(line) === text) return;
      const block = Math.floor(line / BLOCK);
      if (!this.blocks.has(block)) this.blocks.set(block, new Array(BLOCK));
      this.blocks.get(block)[line % BLOCK] = text;
      this.#widen(text);
      [low, high] = [Math.min(low, line), line];
    });
    if (high < 0) return null;
    this.total = Math.max(this.total, high + 1);
    const last = first + added.length;
    const touching = this.known.filter(([from, to]) => to >= first && from <= last);
    const range = [
      Math.min(first, ...touching.map(([from]) => from)),
      Math.max(last, ...touching.map(([, to]) => to)),
    ];
    this.known = [...this.known.filter((one) => !touching.includes(one)), range].sort(
      (one, other) => one[0] - other[0],
    );
    return [low, high + 1];
  }

  /** Keep the width of the widest line; few lines have to be looked at closely for it. */
  #widen(text) {
    const tabs = text.includes("\t") ? text.split("\t").length - 1 : 0;
    if (text.length + tabs * 7 > this.columns)
      this.columns = Math.max(this.columns, plain(text).length + tabs * 7);
  }

  /** A line's text; undefined where it has not come yet. */
  line(line) {
    return this.blocks.get(Math.floor(line / BLOCK))?.[line % BLOCK];
  }

  /** A range's parts, those that are known and those that are not. */
  split(first, last) {
    const parts = [];
    let at = first;
    for (const [from, to] of this.known) {
      if (to <= at) continue;
      if (from >= last) break;
      if (from > at) parts.push({ first: at, last: from, known: false });
      at = Math.max(at, from);
      parts.push({ first: at, last: Math.min(to, last), known: true });
      at = Math.min(to, last);
    }
    if (at < last) parts.push({ first: at, last, known: false });
    return parts;
  }

  gaps(first = 0, last = this.total) {
    return this.split(first, last)
      .filter((part) => !part.known)
      .map((part) => [part.first, part.last]);
  }
}

/** Which gaps to ask for: each once, and again when nothing of it came for a while. */
export class Wants {
  #asked = [];

  /** The ranges to ask for now. */
  due(gaps, now) {
    this.#asked = this.#asked.filter(
      (one) => now - one.at < ASK_AGAIN && gaps.some(([from, to]) => from < one.last && to > one.first),
    );
    const due = [];
    for (const [from, to] of gaps) {
      let at = from;
      for (const one of this.#asked) {
        if (one.last <= at || one.first >= to) continue;
        if (one.first > at) due.push([at, one.first]);
        at = one.last;
      }
      if (at < to) due.push([at, to]);
    }
    this.#asked.push(...due.map(([first, last]) => ({ first, last, at: now })));
    this.#asked.sort((one, other) => one.first - other.first);
    return due;
  }

  /** Lines came: the rest of what was asked for with them is on its way. */
  came(first, last, now) {
    for (const one of this.#asked) if (first < one.last && last > one.first) one.at = now;
  }

  get waiting() {
    return this.#asked.length > 0;
  }

  forget() {
    this.#asked = [];
  }
}

/** Counts a term's occurrences in a log, a slice at a time; a line that came or changed is counted (again). */
export class Search {
  #counts = new Map();
  #sums = new Map();
  #queue = [];

  constructor(store) {
    this.store = store;
    this.term = "";
  }

  /** Search for another term, from the beginning. */
  begin(term) {
    this.term = term;
    this.#counts.clear();
    this.#sums.clear();
    this.#queue = term ? this.store.known.map((range) => [...range]) : [];
  }

  add(range) {
    if (this.term && range) this.#queue.push([...range]);
  }

  get busy() {
    return this.#queue.length > 0;
  }

  /** Go on counting for some milliseconds. */
  step(budget = SLICE) {
    const end = performance.now() + budget;
    while (this.#queue.length) {
      const range = this.#queue[0];
      for (let weight = 0; range[0] < range[1]; range[0] += 1) {
        const text = this.store.line(range[0]);
        if (text === undefined) continue;
        this.#set(range[0], findMatches(plain(text), this.term).length);
        weight += text.length + 50;
        if (weight > 20_000) {
          weight = 0;
          if (performance.now() > end) {
            range[0] += 1;
            return;
          }
        }
      }
      this.#queue.shift();
    }
  }

  #set(line, count) {
    const block = Math.floor(line / BLOCK);
    if (!this.#counts.has(block)) {
      if (!count) return;
      this.#counts.set(block, new Uint16Array(BLOCK));
    }
    const counts = this.#counts.get(block);
    this.#sums.set(block, (this.#sums.get(block) ?? 0) + count - counts[line % BLOCK]);
    counts[line % BLOCK] = count;
  }

  count(line) {
    return this.#counts.get(Math.floor(line / BLOCK))?.[line % BLOCK] ?? 0;
  }

  /** Walk over a range in whole blocks where possible; `visit` gives true to stop. */
  #walk(first, last, visit) {
    for (let line = first; line < last;) {
      const block = Math.floor(line / BLOCK);
      const next = (block + 1) * BLOCK;
      const whole = line % BLOCK === 0 && next <= last;
      const sum = this.#sums.get(block) ?? 0;
      if (whole || !sum) {
        if (visit(line, sum, true)) return;
        line = next;
      } else {
        if (visit(line, this.count(line), false)) return;
        line += 1;
      }
    }
  }

  /** How many occurrences lie in ranges. */
  total(ranges) {
    let sum = 0;
    for (const [first, last] of ranges) this.#walk(first, last, (_, count) => void (sum += count));
    return sum;
  }

  /** How many of them lie before a line. */
  before(line, ranges) {
    return this.total(
      ranges.filter(([first]) => first < line).map(([first, last]) => [first, Math.min(last, line)]),
    );
  }

  /** The occurrence with this index: its line, and which of the line's it is. */
  at(index, ranges) {
    let left = index;
    for (const [first, last] of ranges) {
      let inside = null;
      this.#walk(first, last, (line, count, block) => {
        if (left >= count) left -= count;
        else inside = [line, block ? Math.min(last, line + BLOCK) : line + 1];
        return inside;
      });
      for (let line = inside?.[0]; line < inside?.[1]; line += 1) {
        const count = this.count(line);
        if (left < count) return { line, nth: left };
        left -= count;
      }
    }
    return null;
  }
}
