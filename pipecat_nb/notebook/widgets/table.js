// The live table of builds. Only the rows in sight are in the page, so that a thousand cost no more than fifty.

import { COLUMNS, RowView, arrange, make, set } from "./tablecells.js";
import { collator, counted, filtered, sorted } from "./tablerows.js";

/** Rows that are kept ready above and below those in sight. */
const SPARE = 8;
/** Milliseconds until what is typed is told to the kernel, and between two looks at the clock. */
const TYPING = 250, CLOCK = 2000;
/** The most builds that are compared. */
const COMPARED = 2;

/** @typedef {import("./tablerows.js").Row} Row */

/** The table with its filters, following the model. */
class TableView {
  constructor(model, el, signal) {
    this.model = model;
    this.signal = signal;
    /** @type {Map<string, RowView>} */
    this.views = new Map();
    /** @type {Row[]} */
    this.shown = [];
    this.places = new Map();
    this.active = "";
    this.height = 29;
    this.connected = true;
    this.build(el);
    this.listen();
    this.refresh();
  }

  build(el) {
    this.text = make("input", { type: "search", placeholder: "any cell", autocomplete: "off", spellcheck: "false" });
    this.status = make("select");
    this.region = make("select");
    this.count = make("output", { class: "pcb-count", "aria-live": "polite" });
    const labelled = (word, control) => make("label", {}, make("span", {}, word), control);
    const filters = make(
      "div",
      { class: "pcb-filters", role: "group", "aria-label": "Filter the builds" },
      labelled("Search", this.text),
      labelled("Status", this.status),
      labelled("Region", this.region),
      this.count,
    );
    this.headers = COLUMNS.map((column) => this.header(column));
    const choose = make("th", { scope: "col", class: "pcb-choose" }, make("span", { class: "pcb-unseen" }, "Compare"));
    choose.title = "Choose two builds to compare";
    choose.append(make("span", { "aria-hidden": "true" }, "⇄"));
    this.body = make("tbody");
    this.head = make("thead", {}, make("tr", { "aria-rowindex": "1" }, choose, ...this.headers));
    const caption = "Builds. Arrow keys move from row to row, Enter chooses a build.";
    this.table = make("table", { role: "grid" }, make("caption", { class: "pcb-unseen" }, caption), this.head, this.body);
    this.scroller = make("div", { class: "pcb-area" }, this.table);
    this.clear = make("button", { type: "button" }, "Clear the filters");
    this.said = make("span");
    this.empty = make("div", { class: "pcb-empty", role: "status" }, this.said, " ", this.clear);
    this.gone = make("div", { class: "pcb-disconnected", role: "status" });
    this.root = make("section", { class: "pcb pcb-builds tex2jax_ignore mathjax_ignore", "aria-label": "Builds" });
    this.root.append(this.gone, filters, this.scroller, this.empty);
    el.replaceChildren(this.root);
  }

  header(column) {
    const mark = make("span", { "aria-hidden": "true", class: "pcb-arrow" });
    const button = make("button", { type: "button" }, column.title, mark);
    button.addEventListener("click", () => this.sortBy(column), { signal: this.signal });
    const kind = column.number ? { class: "pcb-number" } : {};
    return make("th", { scope: "col", "data-column": column.name, ...kind }, button);
  }

  listen() {
    const { signal } = this;
    for (const name of ["rows", "loading", "text", "status", "region", "sort"]) {
      this.on(`change:${name}`, () => this.refresh());
    }
    for (const name of ["selected", "compared"]) this.on(`change:${name}`, () => this.draw());
    this.on("comm_live_update", () => this.checkConnection());
    this.checkConnection();

    this.text.addEventListener("input", () => this.filter("text", this.text.value, TYPING), { signal });
    this.status.addEventListener("change", () => this.filter("status", this.status.value), { signal });
    this.region.addEventListener("change", () => this.filter("region", this.region.value), { signal });
    this.clear.addEventListener("click", () => this.clearFilters(), { signal });
    this.body.addEventListener("click", (event) => this.clicked(event), { signal });
    this.body.addEventListener("keydown", (event) => this.pressed(event), { signal });
    window.addEventListener("keydown", (event) => this.keepFromNotebook(event), { signal, capture: true });
    this.body.addEventListener("focusin", (event) => this.focused(event), { signal });
    this.scroller.addEventListener("scroll", () => this.drawSoon(), { signal, passive: true });
    const observer = new ResizeObserver(() => this.drawSoon());
    observer.observe(this.scroller);
    const clock = setInterval(() => this.tick(), CLOCK);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      clearInterval(clock);
      clearTimeout(this.telling);
      cancelAnimationFrame(this.frame);
    });
  }

  /** Time goes on, and the kernel may have gone. */
  tick() {
    for (const view of this.views.values()) view.tick();
    this.checkConnection();
  }

  on(name, callback) {
    this.model.on(name, callback);
    this.signal.addEventListener("abort", () => this.model.off(name, callback));
  }

  // -------------------------------------------------------------- state

  tell(name, value, delay = 0) {
    this.model.set(name, value);
    clearTimeout(this.telling);
    if (delay) this.telling = setTimeout(() => this.model.save_changes(), delay);
    else this.model.save_changes();
  }

  filter(name, value, delay = 0) {
    this.scroller.scrollTop = 0;
    this.tell(name, value, delay);
  }

  clearFilters() {
    this.scroller.scrollTop = 0;
    // The button goes away, and with it the focus.
    this.text.focus();
    for (const name of ["text", "status", "region"]) this.model.set(name, "");
    this.model.save_changes();
  }

  sortBy(column) {
    const [name, direction] = this.model.get("sort");
    const first = column.number || column.name === "created" ? "descending" : "ascending";
    const other = direction === "ascending" ? "descending" : "ascending";
    this.scroller.scrollTop = 0;
    this.tell("sort", [column.name, name === column.name ? other : first]);
  }

  select(id) {
    this.tell("selected", id);
  }

  compare(id) {
    const chosen = this.model.get("compared");
    const others = chosen.filter((each) => each !== id);
    this.tell("compared", others.length < chosen.length ? others : [...chosen, id].slice(-COMPARED));
  }

  async checkConnection() {
    // What a view gets is a stand-in of the model that does not tell.
    const real = await this.model.widget_manager?.get_model(this.model.get("key")).catch(() => null);
    const connected = real === undefined || isLive(real);
    if (this.signal.aborted || connected === this.connected) return;
    this.connected = connected;
    const at = new Date().toLocaleTimeString();
    this.gone.textContent = connected
      ? ""
      : `Disconnected: the kernel is gone. This is how the builds stood at ${at}; run the cell again to go on.`;
    this.panel().toggleAttribute("data-gone", !connected);
  }

  // -------------------------------------------------------------- events

  clicked(event) {
    const id = event.target.closest("tr[data-id]")?.dataset.id;
    if (!id) return;
    if (event.target.matches("input")) this.compare(id);
    // Text that is marked to be copied is no click.
    else if (!event.target.closest(".pcb-choose") && getSelection()?.isCollapsed !== false) this.select(id);
  }

  focused(event) {
    const id = event.target.closest("tr[data-id]")?.dataset.id;
    if (id && id !== this.active) {
      this.active = id;
      this.drawSoon();
    }
  }

  /** A notebook has shortcuts of its own for the keys that move through controls: those with Ctrl and such stay. */
  keepFromNotebook(event) {
    if (!this.panel().contains(event.target)) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey || /^(Escape|F\d+)$/.test(event.key);
    // JupyterLab looks for it from the focused element on, and that one fits its selectors itself.
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs && !(event.shiftKey && event.key === "Enter"));
  }

  /** The panel that this is a part of, if it is in one. */
  panel() {
    return this.root.closest(".pcb-panel") ?? this.root;
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const index = this.places.get(this.active) ?? 0;
    const page = Math.max(1, Math.floor(this.room() / this.height) - 1);
    const moves = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: this.shown.length - 1,
    };
    if (event.key in moves) this.moveTo(moves[event.key], event.target.matches("input"));
    else if ((event.key === "Enter" || event.key === " ") && event.target.matches("tr")) this.select(this.active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  moveTo(wanted, box) {
    const index = Math.min(this.shown.length - 1, Math.max(0, wanted));
    this.active = this.shown[index].id;
    const top = index * this.height, room = this.room();
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height > this.scroller.scrollTop + room) this.scroller.scrollTop = top + this.height - room;
    this.draw();
    const view = this.views.get(this.active);
    (box ? view.box : view.element).focus({ preventScroll: true });
  }

  /** The height that is left for rows below the header. */
  room() {
    return this.scroller.clientHeight - this.head.offsetHeight;
  }

  // -------------------------------------------------------------- drawing

  /** Take over what the model says, and show it. */
  refresh() {
    const rows = this.model.get("rows") ?? [];
    const anchor = this.anchor();
    const wanted = {};
    for (const name of ["text", "status", "region"]) wanted[name] = this.model.get(name) ?? "";
    this.offer(this.status, rows, "status", wanted.status);
    this.offer(this.region, rows, "region", wanted.region);
    if (this.text.value !== wanted.text) this.text.value = wanted.text;

    const before = this.places.get(this.active) ?? 0;
    this.shown = sorted(filtered(rows, wanted), this.model.get("sort") ?? []);
    this.places = new Map(this.shown.map((row, index) => [row.id, index]));
    if (!this.places.has(this.active)) this.active = this.standIn(before);

    const said = rows.length || !this.model.get("loading") ? counted(this.shown.length, rows.length) : "loading …";
    // Said again only when it is another number: it is read aloud.
    if (this.count.textContent !== said) this.count.textContent = said;
    this.explain(rows);
    this.markSorted();
    this.draw(anchor);
  }

  /** Which row has the focus's place where the one that had it is gone: the chosen one, or that which moved up. */
  standIn(index) {
    const selected = this.model.get("selected");
    if (this.places.has(selected)) return selected;
    return this.shown[Math.min(index, this.shown.length - 1)]?.id ?? "";
  }

  explain(rows) {
    const loading = this.model.get("loading");
    this.empty.hidden = this.shown.length > 0;
    this.clear.hidden = !rows.length;
    const said = rows.length ? "No build matches these filters." : loading ? "Loading the builds …" : "No builds yet.";
    if (this.said.textContent !== said) this.said.textContent = said;
    this.scroller.hidden = this.shown.length === 0 && !rows.length;
  }

  /** The values that are there, and the one that is chosen, as a list's options. */
  offer(select, rows, name, chosen) {
    const values = new Set(rows.map((row) => row[name]).filter(Boolean));
    if (chosen) values.add(chosen);
    const wanted = ["", ...[...values].sort(collator.compare)];
    const have = [...select.options].map((option) => option.value);
    if (have.join("\n") !== wanted.join("\n")) {
      const option = (value) => Object.assign(make("option", {}, value || "all"), { value });
      select.replaceChildren(...wanted.map(option));
    }
    if (select.value !== chosen) select.value = chosen;
  }

  markSorted() {
    const [name, direction] = this.model.get("sort") ?? [];
    COLUMNS.forEach((column, number) => {
      const header = this.headers[number], is = column.name === name;
      set(header, "aria-sort", is ? direction : "none");
      header.querySelector(".pcb-arrow").textContent = is ? (direction === "ascending" ? " ▲" : " ▼") : "";
    });
  }

  /** The row at the top and how far it is scrolled: what comes in above it is not to move it. */
  anchor() {
    const { scrollTop } = this.scroller;
    const index = Math.floor(scrollTop / this.height);
    return scrollTop > 0 && index < this.shown.length ? [this.shown[index].id, scrollTop - index * this.height] : null;
  }

  drawSoon() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw(anchor = null) {
    const first = Math.floor(this.scroller.scrollTop / this.height);
    const begin = anchor && this.places.has(anchor[0]) ? this.places.get(anchor[0]) : first;
    const visible = Math.ceil((this.scroller.clientHeight || 400) / this.height);
    const indexes = this.inSight(begin - SPARE, begin + visible + SPARE);
    set(this.table, "aria-rowcount", this.shown.length + 1);
    this.lay(indexes);
    if (anchor && begin !== first) this.scroller.scrollTop = begin * this.height + anchor[1];
    this.measure(indexes[0]);
  }

  /** The places of the rows that are in the page: those in sight, and the one that has or would get the focus. */
  inSight(begin, end) {
    const indexes = [];
    for (let index = Math.max(0, begin); index < Math.min(end, this.shown.length); index++) indexes.push(index);
    const active = this.places.get(this.active);
    if (active !== undefined && !indexes.includes(active)) indexes.push(active);
    return indexes.sort((a, b) => a - b);
  }

  /** Bring the page's rows to these, with room for those between; a row that has the focus keeps it. */
  lay(indexes) {
    const selected = this.model.get("selected"), compared = this.model.get("compared") ?? [];
    const held = this.body.contains(document.activeElement) ? document.activeElement : null;
    const elements = [], kept = new Set();
    let next = 0;
    const room = (until) => until > next && elements.push(this.spacer((until - next) * this.height));
    for (const index of indexes) {
      room(index);
      const row = this.shown[index];
      const view = this.view(row);
      view.place(index, {
        active: row.id === this.active,
        selected: row.id === selected,
        compared: compared.includes(row.id),
      });
      kept.add(row.id);
      elements.push(view.element);
      next = index + 1;
    }
    room(this.shown.length);
    for (const id of this.views.keys()) if (!kept.has(id)) this.views.delete(id);
    arrange(this.body, elements);
    if (held && document.activeElement !== held) this.giveFocus(held);
  }

  giveFocus(held) {
    const view = this.views.get(this.active);
    const target = held.isConnected ? held : held.matches("input") ? view?.box : view?.element;
    (target ?? this.text).focus({ preventScroll: true });
  }

  view(row) {
    const known = this.views.get(row.id);
    if (known) known.update(row);
    else this.views.set(row.id, new RowView(row));
    return this.views.get(row.id);
  }

  /** Room for rows that are not in the page. */
  spacer(height) {
    const cell = make("td");
    cell.style.height = `${height}px`;
    return make("tr", { "aria-hidden": "true", class: "pcb-spacer" }, cell);
  }

  /** What a row really takes: fonts and zoom are the reader's. */
  measure(index) {
    const row = index === undefined ? null : this.views.get(this.shown[index].id)?.element;
    const height = row?.getBoundingClientRect().height;
    if (!height || Math.abs(height - this.height) < 0.01) return;
    this.height = height;
    this.drawSoon();
  }
}

/** Whether a model's kernel is there. Of a kernel that died or was shut down no event tells: its channel is disposed. */
function isLive(real) {
  return Boolean(real?.comm_live) && !real.comm?.jsServicesComm?.isDisposed;
}

function render({ model, el, signal }) {
  // Older versions of anywidget have no signal, and call only what this returns.
  const controller = new AbortController();
  signal?.addEventListener("abort", () => controller.abort());
  const view = new TableView(model, el, controller.signal);
  return () => {
    controller.abort();
    view.root.remove();
  };
}

export default { render };
