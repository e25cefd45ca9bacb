// The cells of a table of builds, and the rows that they make. Texts become text nodes, never HTML.

import { ago } from "./tablerows.js";
import { duration, size } from "./words.js";

/** name, title, how its cell is filled; `number` stands on the right. */
export const COLUMNS = [
  { name: "status", title: "Status", fill: fillStatus },
  { name: "name", title: "Name", fill: (cell, row) => fillText(cell, row.name || "–") },
  { name: "id", title: "Build", fill: fillId },
  { name: "region", title: "Region", fill: (cell, row) => fillText(cell, row.region) },
  { name: "created", title: "Started", fill: fillCreated },
  { name: "queue", title: "Queued", number: true, fill: fillSeconds("queue") },
  { name: "build", title: "Built in", number: true, fill: fillSeconds("build") },
  { name: "size", title: "Image", number: true, fill: fillSize },
  { name: "commit", title: "Commit", fill: fillCommit },
  { name: "note", title: "Note", fill: (cell, row) => fillText(cell, row.note) },
];

/** An element with attributes and children; texts become text nodes, never HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Text from outside: its direction changes nothing around it. */
function bdi(text, tag = "bdi") {
  return tag === "bdi" ? make("bdi", {}, text) : make(tag, {}, make("bdi", {}, text));
}

function fillText(cell, text) {
  cell.replaceChildren(bdi(text));
  // In full, where the cell is too narrow for it.
  cell.title = text;
}

function fillStatus(cell, row) {
  cell.dataset.mood = row.mood;
  const sign = make("span", { "aria-hidden": "true", class: "pcb-sign" }, row.sign);
  cell.replaceChildren(sign, " ", bdi(row.status));
  if (row.cached) cell.append(" ", make("span", { class: "pcb-cached" }, "cached"));
  cell.title = row.cached ? `${row.status}; found again in the cache` : row.status;
}

function fillId(cell, row) {
  cell.replaceChildren(bdi(row.id.slice(0, 8), "code"));
  cell.title = row.id;
}

/** The star says that what was sent is not what was committed. */
function fillCommit(cell, row) {
  cell.replaceChildren(bdi(row.commit.slice(0, 8) + (row.commit.endsWith("-dirty") ? "*" : ""), "code"));
  cell.title = row.commit;
}

function fillCreated(cell, row) {
  const moment = Date.parse(row.created);
  if (Number.isNaN(moment)) return fillText(cell, "–");
  cell.replaceChildren(make("time", { datetime: row.created }, ago(moment, Date.now())));
  cell.title = new Date(moment).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

function fillSeconds(name) {
  return (cell, row) => fillNumber(cell, row, row[name] == null ? null : duration(row[name]));
}

function fillSize(cell, row) {
  fillNumber(cell, row, row.size == null ? null : size(row.size));
}

function fillNumber(cell, row, text) {
  cell.textContent = text ?? (row.mood === "live" ? "…" : "–");
  cell.title = text ?? (row.mood === "live" ? "not known yet" : "not known");
}

/** One row in the page; it is filled again only where its build has changed. */
export class RowView {
  constructor(row) {
    this.box = make("input", { type: "checkbox", tabindex: "-1" });
    this.element = make("tr", { tabindex: "-1" }, make("td", { class: "pcb-choose" }, this.box));
    this.cells = COLUMNS.map((column) => {
      const cell = make("td", { "data-column": column.name, ...(column.number && { class: "pcb-number" }) });
      this.element.append(cell);
      return cell;
    });
    this.told = "";
    this.update(row);
  }

  update(row) {
    this.row = row;
    const told = JSON.stringify(row);
    if (told === this.told) return;
    this.told = told;
    this.element.dataset.id = row.id;
    this.box.setAttribute("aria-label", `Compare build ${row.id.slice(0, 8)}`);
    COLUMNS.forEach((column, number) => column.fill(this.cells[number], row));
  }

  /** What is not of the build: its place in the table, and whether it is chosen. */
  place(index, { active, selected, compared }) {
    set(this.element, "aria-rowindex", index + 2);
    set(this.element, "aria-selected", selected);
    set(this.element, "tabindex", active ? 0 : -1);
    set(this.box, "tabindex", active ? 0 : -1);
    if (this.box.checked !== compared) this.box.checked = compared;
  }

  /** Time goes on, also where nothing else does. */
  tick() {
    const time = this.element.querySelector("time");
    if (time) time.textContent = ago(Date.parse(this.row.created), Date.now());
  }
}

/** Set an attribute unless it has that value: what has not changed is not to be laid out again. */
export function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Make an element's children these, moving no more than must be moved. */
export function arrange(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let here = parent.firstChild;
  for (const element of elements) {
    if (element === here) here = here.nextSibling;
    else parent.insertBefore(element, here);
  }
}
