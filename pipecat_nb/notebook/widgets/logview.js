// The log of a card: only the rows in sight are in the page.

import { attribute, button, copy, hide, make, put } from "./elements.js";
import { SLICE, countLines, findMatches, plain, strip } from "./log.js";
import { Finder } from "./logfinder.js";
import { Rows, STRIDE, WIDE, gapRow, gapWords, lineRow } from "./logrows.js";
import { number } from "./words.js";

/** Pixels of a row, as in card.css. */
const ROW = 18;
const OVERSCAN = 12;
let logs = 0;

/** Its tools, and the pane of its rows: it follows the log’s end until the reader scrolls away from it. */
export class LogView {
  constructor(card, say) {
    this.card = card;
    this.store = card.store;
    this.say = say;
    this.filter = null;
    this.failed = null;
    this.follow = true;
    this.touched = false;
    this.aim = false;
    this.paused = 0;
    this.top = this.left = this.column = 0;
    this.rows = new Rows(this.store);
    this.finder = new Finder(this);
    this.nodes = new Map();
    this.#make();
  }

  #make() {
    const id = `pcb-log-${Date.now().toString(36)}-${(logs += 1)}`;
    this.toggle = button("pcb-toggle", "Log", () => this.open(this.body.hidden, true));
    this.toggle.setAttribute("aria-controls", id);
    this.only = button("pcb-only", "Failed step only", () =>
      this.card.filter(this.filter?.index === this.failed ? null : this.failed),
    );
    this.copying = button("", "Copy", () => this.#copy());
    this.copying.setAttribute("aria-label", "Copy the log");
    this.following = button("pcb-follow", "Follow", () => this.setFollow(!this.follow));
    this.tools = make(
      "div",
      "pcb-tools",
      this.finder.root,
      this.only,
      this.copying,
      this.following,
    );
    this.shown = make("bdi", "");
    this.only.hidden = true;
    this.filtered = make(
      "div",
      "pcb-filtered",
      make("span", "", "Only ", this.shown),
      button("", "Show all", () => this.card.filter(null)),
    );
    this.notice = make("div", "pcb-notice");
    this.window = make("div", "pcb-window");
    this.sizer = make("div", "pcb-rows", this.window);
    this.scroll = make("div", "pcb-scroll", this.sizer);
    // A group to be read at will, not role="log": that would speak every line of a build, and of a log of which only
    // the rows in sight are in the page a screen reader would hear each scrolling as news. What matters (the build's
    // status, matches, what was copied) is said in the card's polite status line.
    this.scroll.setAttribute("role", "group");
    this.scroll.tabIndex = 0;
    this.scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.more = button("pcb-more", "", () => this.setFollow(true));
    this.body = make(
      "div",
      "pcb-logbody",
      this.tools,
      this.filtered,
      this.notice,
      make("div", "pcb-pane", this.scroll, this.more),
    );
    this.body.id = id;
    this.root = make("div", "pcb-viewer", this.toggle, this.body);
    for (const name of ["pointerdown", "keydown", "wheel", "focusin"]) {
      this.body.addEventListener(name, () => (this.touched = true), { passive: true });
    }
    this.body.hidden = true;
    this.resized = new ResizeObserver(() => {
      this.#settle();
      this.card.ask();
    });
    this.resized.observe(this.scroll);
    this.update();
  }

  /** Open or close it; once people did, it stays as they left it. */
  open(open, byHand = false) {
    if (byHand) this.touched = true;
    else if (this.touched) return;
    if (open === !this.body.hidden) return;
    this.body.hidden = !open;
    this.update();
    this.card.ask();
  }

  get isOpen() {
    return !this.body.hidden && (this.store.total > 0 || this.store.notice !== "");
  }

  /** The ranges of lines that are shown. */
  get ranges() {
    const total = this.store.total;
    if (!this.filter) return total ? [[0, total]] : [];
    return this.filter.lines
      .map(([first, last]) => [first, Math.min(last, total)])
      .filter(([first, last]) => first < last);
  }

  /** Show the lines of a step only, or all. */
  show(filter) {
    const same = filter?.index === this.filter?.index;
    if (same && JSON.stringify(filter?.lines) === JSON.stringify(this.filter?.lines)) return;
    const top = this.firstLine();
    this.filter = filter;
    if (!same) {
      this.finder.current = null;
      if (filter) this.#pause();
      this.rows.lay(this.ranges);
      // Back in the whole log the reader stands where the step's lines were.
      if (!filter && top !== null && !this.follow) this.top = this.rows.row(top) * ROW;
      if (filter) this.top = 0;
    }
    this.update();
  }

  setFailed(index) {
    this.failed = index;
    hide(this.only, index === null);
    this.#pressed();
  }

  #pressed() {
    attribute(this.only, "aria-pressed", String(this.filter !== null && this.filter.index === this.failed));
    attribute(this.following, "aria-pressed", String(this.follow));
  }

  /** Lines came or changed; another log if `other`. */
  add(range, other) {
    if (other) {
      this.nodes.clear();
      this.filter = null;
      this.follow = true;
      this.finder.restart();
    }
    if (range) {
      for (const key of this.nodes.keys()) if (key >= range[0] && key < range[1]) this.nodes.delete(key);
      this.finder.add(range);
    }
    this.later();
  }

  /** Draw before the next paint, however much comes until then. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.update();
    });
  }

  update() {
    const { total, notice, done, columns } = this.store;
    hide(this.root, !total && !notice);
    put(this.toggle, `Log · ${countLines(total)}`);
    attribute(this.toggle, "aria-expanded", String(!this.body.hidden));
    if (!this.isOpen) return;
    put(this.notice, notice);
    hide(this.notice, !notice);
    hide(this.filtered, !this.filter);
    put(this.shown, this.filter?.name ?? "");
    attribute(this.scroll, "aria-label", this.filter ? `Log of ${this.filter.name}` : "Log");
    hide(this.following, done || !this.card.live);
    this.digits = Math.max(3, number(total).length);
    this.root.style.setProperty("--pcb-digits", String(this.digits));
    this.root.style.setProperty("--pcb-columns", String(columns));
    const anchor = this.follow ? null : this.#anchor();
    this.rows.lay(this.ranges);
    const height = `${Math.max(1, this.rows.count) * ROW}px`;
    if (this.sizer.style.height !== height) this.sizer.style.height = height;
    if (anchor) this.top = this.rows.row(anchor.line) * ROW + anchor.offset;
    this.#settle();
    this.finder.tell();
  }

  /** The first line in sight, and how far it is from the edge: it stays there whatever comes above it. */
  #anchor() {
    for (let row = Math.floor(this.top / ROW), end = row + 40; row < Math.min(end, this.rows.count); row += 1) {
      const { part, line } = this.rows.at(row);
      if (part.known) return { line, offset: this.top - row * ROW };
    }
    return null;
  }

  /** The first line in sight; null where there is none. */
  firstLine() {
    return this.rows.count ? this.rows.at(Math.min(this.rows.count - 1, Math.floor(this.top / ROW))).line : null;
  }

  /** Put the scroll area where it belongs (its end, or where the reader left it) and draw. */
  #settle() {
    if (!this.isOpen || !this.scroll.isConnected) return;
    const end = Math.max(0, this.scroll.scrollHeight - this.scroll.clientHeight);
    const top = this.follow ? end : Math.min(this.top, end);
    if (Math.abs(this.scroll.scrollTop - top) >= 1) this.scroll.scrollTop = top;
    if (this.scroll.scrollLeft !== this.left) this.scroll.scrollLeft = this.left;
    this.top = this.scroll.scrollTop;
    this.#draw();
    this.#more();
  }

  #scrolled() {
    // What an element that left the page says of its place is not the reader's doing.
    if (!this.scroll.isConnected || !this.isOpen) return;
    const { scrollTop: top, scrollHeight, clientHeight } = this.scroll;
    this.left = this.scroll.scrollLeft;
    const moved = top - this.top;
    this.top = top;
    if (moved < -0.5) this.setFollow(false);
    else if (moved > 0.5 && top + clientHeight >= scrollHeight - 4) this.setFollow(true);
    this.#draw();
  }

  setFollow(follow) {
    if (follow) this.follow = true;
    else this.#pause();
    this.#pressed();
    this.#settle();
  }

  #pause() {
    if (this.follow) this.paused = this.store.total;
    this.follow = false;
  }

  #more() {
    const since = ([first, last]) => Math.max(0, last - Math.max(first, this.paused));
    const more = this.follow ? 0 : this.ranges.reduce((sum, range) => sum + since(range), 0);
    hide(this.more, more <= 0);
    if (more > 0) put(this.more, `↓ ${number(more)} new line${more === 1 ? "" : "s"}`);
    this.#pressed();
  }

  /** Pixels of a character, by the width of the line numbers. */
  #character() {
    const gutter = this.window.querySelector(".pcb-no");
    return (gutter && gutter.getBoundingClientRect().width / (this.digits + 2)) || 7;
  }

  /** Which columns are in sight, in strides; wide lines are drawn anew when that changes. */
  #columns() {
    if (this.store.columns <= WIDE) return;
    const column = Math.floor(this.left / this.#character() / STRIDE) * STRIDE;
    if (column === this.column) return;
    this.column = column;
    for (const key of this.nodes.keys())
      if (plain(this.store.line(key) ?? "").length > WIDE) this.nodes.delete(key);
  }

  #draw() {
    this.#columns();
    const height = this.scroll.clientHeight;
    const from = Math.max(0, Math.floor(this.top / ROW) - OVERSCAN);
    const to = Math.min(this.rows.count, Math.ceil((this.top + height) / ROW) + OVERSCAN);
    const nodes = new Map();
    for (let row = from; row < to; row += 1) {
      const { part, line } = this.rows.at(row);
      const key = part.known ? line : `${part.first}-${part.last}-${this.card.live}`;
      nodes.set(key, this.nodes.get(key) ?? (part.known ? this.#line(line) : gapRow(part, this.card.live)));
    }
    if (!this.rows.count)
      nodes.set(
        "none",
        this.nodes.get("none") ??
          make("div", "pcb-row pcb-gap", this.filter ? "This step wrote no lines." : "No lines yet."),
      );
    const kept = new Set(nodes.values());
    for (const node of [...this.window.childNodes]) if (!kept.has(node)) node.remove();
    // Rows that stay are not touched: they may hold the reader's selection.
    let at = this.window.firstChild;
    for (const node of kept) {
      if (node === at) at = at.nextSibling;
      else this.window.insertBefore(node, at);
    }
    this.nodes = nodes;
    this.window.style.transform = `translateY(${from * ROW}px)`;
    if (this.aim) this.#aimed();
  }

  #line(line) {
    const { term } = this.finder;
    const current = this.finder.nth(line);
    return lineRow(line, this.store.line(line) ?? "", { column: this.column, term, current });
  }

  // -- What the search needs --

  /** Draw all rows anew: other matches are marked in them. */
  redraw() {
    this.nodes.clear();
    this.later();
  }

  /** Bring a match into sight; the line that had the one before is drawn anew too. */
  reveal({ line, nth }, before) {
    for (const each of [before, line]) this.nodes.delete(each);
    const top = this.rows.row(line) * ROW;
    const height = this.scroll.clientHeight;
    if (top < this.top || top + ROW > this.top + height) {
      this.#pause();
      this.top = Math.max(0, top - Math.floor(height / 2 / ROW) * ROW);
    }
    const text = plain(this.store.line(line) ?? "");
    const column = text.length > WIDE ? findMatches(text, this.finder.term)[nth] : 0;
    if (column && Math.abs(column - this.column - STRIDE) > STRIDE)
      this.left = Math.max(0, (column - 20) * this.#character());
    this.aim = true;
    this.#settle();
  }

  /** Bring the current match into sight sideways. */
  #aimed() {
    const mark = this.window.querySelector(".pcb-current");
    if (!mark) return;
    this.aim = false;
    const [box, pane] = [mark.getBoundingClientRect(), this.scroll.getBoundingClientRect()];
    const gutter = this.window.querySelector(".pcb-no")?.getBoundingClientRect().width ?? 0;
    if (box.left < pane.left + gutter || box.right > pane.left + this.scroll.clientWidth) {
      this.left = Math.max(0, this.scroll.scrollLeft + box.left - pane.left - this.scroll.clientWidth / 3);
      this.scroll.scrollLeft = this.left;
    }
  }

  async #copy() {
    this.rows.lay(this.ranges);
    const texts = [];
    let [copied, missing, until] = [0, 0, performance.now() + SLICE];
    for (const { first, last, known } of this.rows.parts) {
      if (!known) {
        missing += last - first;
        texts.push(`[${gapWords(first, last)} not loaded]`);
      }
      for (let line = first; known && line < last; line += 1) {
        texts.push(strip(this.store.line(line) ?? ""));
        copied += 1;
        if (line % 64 === 0 && performance.now() > until) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          until = performance.now() + SLICE;
        }
      }
    }
    const done = await copy(`${texts.join("\n")}\n`);
    const rest = missing ? `; ${countLines(missing)} not loaded yet` : "";
    this.say(done ? `Copied ${countLines(copied)}${rest}` : "The browser does not let the log be copied", true);
  }

  dispose() {
    this.resized.disconnect();
    this.finder.dispose();
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}
