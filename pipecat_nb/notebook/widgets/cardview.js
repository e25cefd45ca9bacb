// One sight of a live card: what it says comes from the kernel, time and scrolling are the page's own.

import { attribute, bdi, button, copyButton, make, put } from "./elements.js";
import { plain } from "./log.js";
import { LogView } from "./logview.js";
import { duration } from "./words.js";

/** Front ends must not read what stands between two dollar signs as a formula. */
const CLASSES = "tex2jax_ignore mathjax_ignore";

/** An element that follows the card's state and log. */
export class View {
  constructor(card) {
    this.card = card;
    this.seen = {};
    this.buttons = [];
    this.outlines = [];
    this.focused = null;
    this.stage = null;
    const part = (names, tag = "div") => make(tag, names);
    this.said = part("pcb-said");
    this.said.setAttribute("role", "status");
    this.log = new LogView(this, (text, visibly) => this.say(text, visibly));
    this.parts = {
      gone: part("pcb-gone"),
      head: part("pcb-head"),
      place: part("pcb-place"),
      stages: part("pcb-stages", "ol"),
      steps: part("pcb-steps"),
      about: part("pcb-about"),
      facts: part(""),
      warning: part("pcb-trouble"),
      failure: part("pcb-failure"),
      trouble: part("pcb-trouble"),
    };
    const { gone, head, place, stages, steps, about, facts, warning, failure, trouble } = this.parts;
    steps.setAttribute("role", "toolbar");
    steps.setAttribute("aria-label", "The Dockerfile’s steps");
    about.setAttribute("aria-hidden", "true");
    this.root = make(
      "div",
      `pcb ${CLASSES} pcb-card pcb-live`,
      gone,
      head,
      place,
      stages,
      steps,
      about,
      facts,
      warning,
      trouble,
      this.log.root,
      failure,
      this.said,
    );
    // A page has many cards: a landmark for each would be none.
    this.root.setAttribute("role", "group");
    this.time = make("span", "pcb-time");
    this.#listen();
    this.updateState();
    this.updateLog({ range: null, other: false });
  }

  // What the log needs of the card.
  get store() {
    return this.card.store;
  }
  get live() {
    return this.card.live;
  }
  ask() {
    this.card.ask();
  }

  #listen() {
    this.root.addEventListener("focusin", (event) => {
      this.focused = event.target;
      // JupyterLab's one-key shortcuts (Enter edits the cell, arrows choose another) must not answer for the card;
      // they are looked up from the focused element itself.
      event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    this.root.addEventListener("focusout", () => {
      // When JupyterLab takes the element away the focus goes with it, and comes back where the view goes next.
      const left = this.focused;
      setTimeout(() => {
        if (this.focused === left && this.root.isConnected && !this.root.contains(document.activeElement))
          this.focused = null;
      }, 0);
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      const inSearch = event.target === this.log.finder.input && this.log.finder.clear();
      if (!inSearch && this.log.filter) this.filter(null);
      event.preventDefault();
    });
    const { steps } = this.parts;
    steps.addEventListener("keydown", (event) => {
      const at = this.buttons.indexOf(event.target);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.buttons.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      this.buttons[to]?.focus();
    });
    for (const [name, on] of [
      ["mouseover", true],
      ["focusin", true],
      ["mouseout", false],
      ["focusout", false],
    ]) {
      steps.addEventListener(name, (event) => {
        const at = this.buttons.indexOf(event.target.closest("button"));
        this.#about(on && at >= 0 ? at : null);
        if (name === "focusin" && at >= 0)
          this.buttons.forEach((one, index) => (one.tabIndex = index === at ? 0 : -1));
      });
    }
  }

  /** Say something in the status line; screen readers speak it. */
  say(text, visibly = false) {
    put(this.said, text);
    this.said.classList.toggle("pcb-visible", visibly);
  }

  /** Rebuild a part where what it says has changed. */
  #part(name, value, build) {
    const now = JSON.stringify(value);
    if (this.seen[name] === now) return;
    this.seen[name] = now;
    const part = this.parts[name];
    part.replaceChildren(...build(value).filter(Boolean));
    part.hidden = !part.hasChildNodes();
  }

  updateState() {
    const { state, live } = this.card;
    const ticking = this.card.ticking;
    attribute(this.root, "data-mood", state.mood || "unknown");
    attribute(this.root, "data-live", String(ticking));
    attribute(this.root, "aria-label", `Build of ${state.title || "build"}: ${state.status}`);
    if (this.status !== undefined && this.status !== state.status)
      this.say(`Build of ${state.title}: ${state.status}`);
    this.status = state.status;
    this.#part("gone", this.card.goneAt && !this.card.ended ? [this.card.goneAt, this.card.id, state.gone] : null, (value) =>
      value ? goneWords(...value) : [],
    );
    this.#part("head", [state.sign, state.status, state.title, state.cached], ([sign, status, title, cached]) => {
      const mark = make("span", "", sign || "");
      mark.setAttribute("aria-hidden", "true");
      return [
        make("span", "pcb-status", mark, " ", bdi(status ?? "")),
        make("strong", "pcb-name", bdi(title ?? "")),
        cached && make("span", "pcb-chip", "cached"),
        this.time,
      ];
    });
    this.#part("place", [state.place, state.note], ([place, note]) => {
      const words = [...(place ?? []).map(bdi), ...(note ? [make("span", "pcb-note", bdi(note))] : [])];
      return words.flatMap((word, index) => (index ? [" · ", word] : [word]));
    });
    // The time of the active stage counts on by itself.
    const stages = (state.stages ?? []).map((one) => (one.state === "active" ? { ...one, seconds: null } : one));
    this.#part("stages", stages, (all) => this.#stages(all));
    this.#steps(state.steps ?? []);
    const fact = ([name, value]) =>
      make(
        "div",
        "pcb-fact",
        make("span", "", name),
        make("code", "", bdi(value)),
        copyButton(name, value, (text) => this.say(text)),
      );
    this.#part("facts", state.facts ?? [], (facts) => facts.map(fact));
    this.#part("warning", state.warning, (warning) => [warning && bdi(warning)]);
    const { why, failed_step: step, excerpt, log_tail: tail, advice, next } = state;
    this.#part("failure", { why, step, excerpt, tail, advice, next }, (value) => this.#failure(value));
    this.#part("trouble", live ? state.trouble : "", (trouble) =>
      trouble ? ["Trying again: ", bdi(trouble)] : [],
    );
    // Open while there is something to wait for. Of a failed build the lines that say why stand below it: what was
    // followed to its end stays open.
    if (state.mood !== "bad") this.log.open(state.mood === "live");
    this.tick();
  }

  #stages(stages) {
    this.stage = null;
    return stages.map((stage) => {
      const took = make("span", "pcb-took", typeof stage.seconds === "number" ? duration(stage.seconds) : "");
      const item = make(
        "li",
        "",
        make("span", "pcb-stage", stage.name),
        " ",
        took,
        stage.detail ? make("span", "pcb-detail", bdi(stage.detail)) : null,
      );
      item.setAttribute("data-state", stage.state);
      if (typeof stage.share === "number")
        item.style.setProperty("--pcb-share", `${(Math.min(1, Math.max(0, stage.share)) * 100).toFixed(1)}%`);
      if (stage.state === "active") this.stage = took;
      return item;
    });
  }

  #failure({ why, step, excerpt, tail, advice, next }) {
    const block = (names, label, rows) => {
      const pre = make("pre", names, make("span", "", rows.join("\n")));
      pre.tabIndex = 0;
      pre.setAttribute("role", "group");
      pre.setAttribute("aria-label", label);
      return pre;
    };
    return [
      why && make("div", "pcb-error", bdi(why)),
      step && make("div", "pcb-title", "Failed at ", bdi(step)),
      excerpt?.length && block("pcb-lines", "The Dockerfile’s lines", excerpt.map(plain)),
      tail?.length && block("pcb-log", "The log’s last lines", tail.map(plain)),
      advice && make("div", "pcb-advice", ...marked(advice)),
      next &&
        make(
          "div",
          "pcb-next",
          "The whole log: ",
          make("code", "", bdi(next)),
          " ",
          copyButton("command", next, (text) => this.say(text)),
        ),
    ];
  }

  // -- Steps --

  #steps(steps) {
    this.parts.steps.hidden = this.parts.about.hidden = !steps.length;
    while (this.buttons.length > steps.length) this.buttons.pop().remove();
    while (this.buttons.length < steps.length) {
      const index = this.buttons.length;
      const one = button("pcb-step", "", () => this.filter(this.log.filter?.index === index ? null : index));
      one.append(make("span", "", make("span", "pcb-position"), bdi("")));
      one.tabIndex = index ? -1 : 0;
      this.buttons.push(one);
      this.parts.steps.append(one);
    }
    // Where the log tells no times, all steps share the width alike.
    const timed = steps.some((step) => typeof step.seconds === "number");
    steps.forEach((step, index) => this.#step(this.buttons[index], step, timed));
    this.#coming(this.card.ticking ? toCome(steps) : 0);
    const failed = steps.findIndex((step) => step.state === "failed");
    this.log.setFailed(failed < 0 ? null : failed);
    const chosen = this.log.filter ? steps[this.log.filter.index] : null;
    this.log.show(
      chosen ? { index: this.log.filter.index, name: stepName(chosen), lines: chosen.lines ?? [] } : null,
    );
    this.#chosen();
  }

  /** Outlines of the steps that are still to come. */
  #coming(count) {
    while (this.outlines.length > count) this.outlines.pop().remove();
    while (this.outlines.length < count) {
      const outline = make("span", "pcb-coming");
      outline.setAttribute("aria-hidden", "true");
      this.outlines.push(outline);
    }
    // After the buttons, of which there may be one more now.
    if (count) this.parts.steps.append(...this.outlines);
  }

  #step(element, step, timed) {
    attribute(element, "data-state", step.state);
    attribute(element, "aria-label", stepWords(step).join(", "));
    const width = String(timed ? Math.round((step.seconds ?? 0) * 10) / 10 : 1);
    if (element.style.flexGrow !== width) element.style.flexGrow = width;
    const [position, name] = element.firstElementChild.children;
    put(position, ({ failed: "✕ ", cached: "↺ " }[step.state] ?? "") + ((step.position || "").split("/")[0] || "·"));
    put(name, step.name ?? "");
  }

  /** Show the lines of one step only, or with null those of all. */
  filter(index) {
    const step = index === null ? null : this.card.state.steps[index];
    if (step) this.log.open(true, true);
    this.log.show(step ? { index, name: stepName(step), lines: step.lines ?? [] } : null);
    this.#chosen();
  }

  #chosen() {
    const at = this.log.filter?.index ?? null;
    this.buttons.forEach((one, index) => attribute(one, "aria-pressed", String(index === at)));
    this.#about(null);
  }

  /** The line under the strip: the step pointed at, or else the chosen, the failed, the running or the slowest one. */
  #about(at) {
    const steps = this.card.state.steps ?? [];
    const one = (state) => steps.find((step) => step.state === state);
    const slowest = steps.reduce((most, step) => ((step.seconds ?? 0) > (most?.seconds ?? 0) ? step : most), null);
    const [step, why] =
      at !== null
        ? [steps[at], ""]
        : this.log.filter
          ? [steps[this.log.filter.index], ""]
          : one("failed")
            ? [one("failed"), ""]
            : one("running") && this.card.ticking
              ? [one("running"), ""]
              : [slowest, "slowest: "];
    this.#part("about", step ? [why, ...stepWords(step)] : [], ([before, name, ...more]) =>
      name ? [before, bdi(name), more.length ? ` · ${more.join(" · ")}` : ""] : [],
    );
  }

  // -- Time --

  tick() {
    const { state, ticking } = this.card;
    const more = ticking ? this.card.since() : this.card.stoodAt;
    put(this.time, typeof state.elapsed === "number" && state.elapsed >= 0 ? duration(state.elapsed + more) : "");
    const active = (state.stages ?? []).find((stage) => stage.state === "active");
    if (this.stage && typeof active?.seconds === "number") put(this.stage, duration(active.seconds + more));
  }

  updateLog({ range, other }) {
    this.log.add(range, other);
    if (other) this.#chosen();
  }

  /** Take a place in the page again: scroll position and focus come along. */
  placed() {
    this.updateState();
    this.log.update();
    const { focused } = this;
    if (focused && this.root.contains(focused) && !this.root.contains(document.activeElement)) {
      const selection = focused === this.log.finder.input ? [focused.selectionStart, focused.selectionEnd] : null;
      focused.focus({ preventScroll: true });
      if (selection) focused.setSelectionRange(...selection);
    }
  }

  dispose() {
    this.log.dispose();
    this.root.remove();
  }
}

/** A message with commands between backticks. */
function marked(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", "", part) : bdi(part)));
}

/** How many steps of the stage that goes on are still to come, by the place of the last one, as in 3/6. */
function toCome(steps) {
  const [number, count] = (steps.at(-1)?.position ?? "").split("/").map(Number);
  return count > number ? count - number : 0;
}

const stepName = (step) =>
  `step ${step.position ? `${step.position}: ` : ""}${step.stage ? `[${step.stage}] ` : ""}${step.name}`;

function stepWords(step) {
  const seconds = typeof step.seconds === "number" ? duration(step.seconds) : "";
  return [stepName(step), seconds, step.state === "done" ? "" : step.state].filter(Boolean);
}

/** What stands on a card whose kernel is gone: since when, and how to go on. */
function goneWords(at, id, why) {
  const time = new Date(at).toTimeString().slice(0, 8);
  const words = [`${why || "Kernel gone"}: this is how the build stood at ${time}.`];
  return id ? [...words, " ", make("code", "", `%pcbuild status ${id.slice(0, 8)}`), " shows it again."] : words;
}
