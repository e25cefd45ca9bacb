// The rows of a log: their numbers, and the elements that they become. All text becomes text nodes.

import { make } from "./elements.js";
import { RUNS, findMatches, parseSgr, plain } from "./log.js";
import { number } from "./words.js";

/** Characters from which on a line is wide: of such a line only those near the columns in sight are in the page. */
export const WIDE = 2_000;
export const STRIDE = 400;

/** Which row has which line: one for each line that is known, one for each gap. */
export class Rows {
  constructor(store) {
    this.store = store;
    this.parts = [];
    this.count = 0;
  }

  /** Number the rows of these ranges of lines. */
  lay(ranges) {
    this.parts = [];
    this.count = 0;
    for (const [first, last] of ranges) {
      for (const part of this.store.split(first, last)) {
        this.parts.push({ ...part, row: this.count });
        this.count += part.known ? part.last - part.first : 1;
      }
    }
  }

  /** The last part for which `before` holds. */
  #part(before) {
    let [low, high] = [0, this.parts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (before(this.parts[middle])) low = middle;
      else high = middle - 1;
    }
    return this.parts[low];
  }

  /** What stands in a row: its part, and the line, of a gap its first. */
  at(row) {
    const part = this.#part((one) => one.row <= row);
    return { part, line: part.known ? part.first + row - part.row : part.first };
  }

  /** In which row a line stands, or would. */
  row(line) {
    const part = this.#part((one) => one.first <= line);
    if (!part) return 0;
    return part.known ? part.row + Math.max(0, Math.min(line, part.last - 1) - part.first) : part.row;
  }
}

export function gapWords(first, last) {
  return last - first === 1 ? `line ${number(last)}` : `lines ${number(first + 1)}–${number(last)}`;
}

export function gapRow({ first, last }, live) {
  const which = gapWords(first, last);
  return make("div", "pcb-row pcb-gap", live ? `loading ${which}…` : `${which} not loaded`);
}

/**
 * A line as a row, with the matches of a term marked, of which the `current`th is where the reader is (-1: none).
 * Of a wide line the characters near `column` are in it.
 */
export function lineRow(line, raw, { column, term, current }) {
  const whole = plain(raw);
  const wide = whole.length > WIDE;
  const first = wide ? Math.max(0, column - STRIDE) : 0;
  const last = wide ? column + 3 * STRIDE : whole.length;
  const text = make("span", "pcb-text", ...runs(raw, marksIn(whole, term, current, first, last), first, last));
  if (first) text.style.marginLeft = `${first}ch`;
  return make("div", "pcb-row", make("span", "pcb-no", number(line + 1)), text);
}

/** The matches in a line that lie in a part of it. */
function marksIn(text, term, current, first, last) {
  if (!term) return [];
  const all = findMatches(text, term);
  const seen = all.filter((at) => at + term.length > first && at < last);
  return seen
    .filter((at, index) => index < RUNS || at === all[current])
    .map((at) => ({ at, end: at + term.length, current: at === all[current] }));
}

/** A part of a line's text in runs of colour, the matches marked. */
function runs(raw, marks, first, last) {
  const nodes = [];
  let [start, next] = [0, 0];
  for (const run of parseSgr(raw)) {
    const [from, to] = [Math.max(start, first), Math.min(start + run.text.length, last)];
    const pieces = [];
    for (let at = from; at < to;) {
      while (marks[next] && marks[next].end <= at) next += 1;
      const mark = marks[next];
      const inside = mark && mark.at <= at;
      const stop = Math.min(to, inside ? mark.end : (mark?.at ?? to));
      const piece = run.text.slice(at - start, stop - start);
      pieces.push(inside ? make("mark", mark.current ? "pcb-current" : "", piece) : piece);
      at = stop;
    }
    if (run.classes && pieces.length) nodes.push(make("span", run.classes, ...pieces));
    else nodes.push(...pieces);
    start += run.text.length;
  }
  return nodes;
}
