// Which rows a table of builds shows, in which order, and what it says of them. Pure.

import { duration, number, size } from "./words.js";

/**
 * @typedef {{id: string, status: string, mood: string, sign: string, name: string, region: string, created: string,
 *   queue: number?, build: number?, size: number?, commit: string, note: string, cached: boolean}} Row
 */

export const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The columns that rows are sorted by as they are; "created" is a time. */
const SORTED = ["status", "name", "id", "region", "queue", "build", "size", "commit", "note"];

/** How long ago a moment was; a clock that differs from the service's makes nothing lie in the future. */
export function ago(moment, now) {
  const seconds = Math.max(0, (now - moment) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 30 * 86400) return `${Math.floor(seconds / 86400)} d ago`;
  return new Date(moment).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

/** "12 of 200 builds". */
export function counted(shown, all) {
  const builds = `${number(all)} build${all === 1 ? "" : "s"}`;
  return shown === all ? builds : `${number(shown)} of ${builds}`;
}

/** The rows that have all words of the text in any of their cells, and this status and region. */
export function filtered(rows, { text, status, region }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if ((status && row.status !== status) || (region && row.region !== region)) return false;
    if (!words.length) return true;
    return words.every((word) => searched(row).includes(word));
  });
}

/** What the cells of a row say; a row that has changed is another object. */
const said = new WeakMap();

function searched(row) {
  if (said.has(row)) return said.get(row);
  const numbers = [row.queue, row.build].map((each) => (each == null ? "" : duration(each)));
  const bytes = row.size == null ? "" : size(row.size);
  const cached = row.cached ? "cached" : "";
  const cells = [row.status, cached, row.name, row.id, row.region, row.created, ...numbers, bytes, row.commit, row.note];
  said.set(row, cells.join("\n").toLowerCase());
  return said.get(row);
}

/** By what a row is sorted in a column; where there is no such column, by its time as at first. */
const sortKey = (row, name) => (SORTED.includes(name) ? row[name] : Date.parse(row.created));

/** The rows sorted by a column; those that have no value there come last both ways. */
export function sorted(rows, [name, direction]) {
  const way = direction === "ascending" ? 1 : -1;
  const keyed = rows.map((row) => [sortKey(row, name), row]);
  const none = (value) => value == null || value === "" || Number.isNaN(value);
  keyed.sort(([a, first], [b, second]) => {
    if (none(a) || none(b)) return none(a) - none(b) || collator.compare(first.id, second.id);
    const order = typeof a === "number" ? a - b : collator.compare(a, b);
    return way * order || collator.compare(first.id, second.id);
  });
  return keyed.map(([, row]) => row);
}
