// The search bar of a log: a term, its true count, and the match where the reader is.

import { button, hide, make, put } from "./elements.js";
import { Search } from "./log.js";
import { number } from "./words.js";

export class Finder {
  /** @param log what is searched, see LogView: its store, its ranges, and how a match is brought into sight */
  constructor(log) {
    this.log = log;
    this.search = new Search(log.store);
    /** The match where the reader is: its line, and which of the line's it is. */
    this.current = null;
    this.wanted = false;
    this.#make();
  }

  #make() {
    this.input = make("input", "pcb-search");
    Object.assign(this.input, {
      type: "search",
      placeholder: "Search the log",
      spellcheck: false,
      autocomplete: "off",
    });
    this.input.setAttribute("aria-label", "Search the log");
    this.input.addEventListener("input", () => this.find(this.input.value));
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.step(event.shiftKey ? -1 : 1);
      }
    });
    this.found = make("span", "pcb-found");
    this.previous = button("", "↑", () => this.step(-1));
    this.previous.setAttribute("aria-label", "Previous match");
    this.next = button("", "↓", () => this.step(1));
    this.next.setAttribute("aria-label", "Next match");
    this.root = make("span", "pcb-finder", this.input, this.found, this.previous, this.next);
  }

  get term() {
    return this.search.term;
  }

  /** Which of a line's matches is the current one; -1 where none is. */
  nth(line) {
    return this.current?.line === line ? this.current.nth : -1;
  }

  find(term) {
    this.search.begin(term);
    this.current = null;
    this.wanted = Boolean(term);
    this.log.redraw();
    this.#work();
  }

  /** It is another log now. */
  restart() {
    this.current = null;
    this.search.begin(this.term);
  }

  /** Lines came or changed. */
  add(range) {
    this.search.add(range);
    this.#work();
  }

  /** Count on in slices until all is counted. */
  #work() {
    if (this.working) return;
    if (!this.search.busy) {
      this.#ready();
      return;
    }
    this.working = setTimeout(() => {
      this.working = null;
      this.search.step();
      this.tell();
      this.#work();
    }, 0);
  }

  /** All is counted: the first match from where the reader is becomes the current one. */
  #ready() {
    if (!this.wanted || this.search.busy) return;
    this.wanted = false;
    const { ranges } = this.log;
    const total = this.search.total(ranges);
    const before = this.search.before(this.log.firstLine() ?? 0, ranges);
    if (total) this.#go(before < total ? before : 0);
    else this.tell(true);
  }

  step(by) {
    const total = this.search.total(this.log.ranges);
    if (!total) return;
    this.log.open(true, true);
    const at = this.current ? this.#index() : by > 0 ? -1 : 0;
    this.#go((at + by + total) % total);
  }

  #index() {
    return this.search.before(this.current.line, this.log.ranges) + this.current.nth;
  }

  #go(index) {
    const last = this.current?.line;
    this.current = this.search.at(index, this.log.ranges);
    if (!this.current) return;
    this.log.reveal(this.current, last);
    this.tell(true);
  }

  /** Show how many there are, and where the reader is; `say` it, too. */
  tell(say = false) {
    const { search, term } = this;
    const { ranges, store } = this.log;
    const total = term ? search.total(ranges) : 0;
    const index = this.current ? this.#index() + 1 : 0;
    const missing = ranges.some(([first, last]) => store.gaps(first, last).length);
    const sofar = search.busy ? "…" : missing ? " so far" : "";
    const told = total
      ? `${index ? `${number(index)} of ` : ""}${number(total)}${sofar}`
      : search.busy
        ? "…"
        : `no match${sofar}`;
    put(this.found, term ? told : "");
    this.previous.disabled = this.next.disabled = !total;
    for (const element of [this.found, this.previous, this.next]) hide(element, !term);
    if (say && term) this.log.say(total ? `Match ${told}` : "No match");
  }

  /** Whether there was a search to be cleared. */
  clear() {
    if (!this.input.value) return false;
    this.input.value = "";
    this.find("");
    return true;
  }

  dispose() {
    clearTimeout(this.working);
  }
}
