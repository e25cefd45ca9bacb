// The live card of a build: what it says comes from the kernel, time and scrolling are the page's own.

import { ASK_AGAIN, LogStore, Wants, plain } from "./log.js";
import { LogView, attribute, bdi, button, copyButton, make, put } from "./logview.js";
import { duration } from "./words.js";

/** How long the view of an element that left the page waits for the element's next version. */
const KEEP = 300_000;
/** Front ends must not read what stands between two dollar signs as a formula. */
const CLASSES = "tex2jax_ignore mathjax_ignore";

/** One sight of a card: an element that follows the model's state and log. */
class View {
  constructor(card) {
    this.card = card;
    this.seen = {};
    this.buttons = [];
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
      const inSearch = event.target === this.log.input && this.log.escape();
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
      advice && make("div", "pcb-advice", bdi(advice)),
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
    const failed = steps.findIndex((step) => step.state === "failed");
    this.log.setFailed(failed < 0 ? null : failed);
    const chosen = this.log.filter ? steps[this.log.filter.index] : null;
    this.log.show(
      chosen ? { index: this.log.filter.index, name: stepName(chosen), lines: chosen.lines ?? [] } : null,
    );
    this.#chosen();
  }

  #step(element, step, timed) {
    attribute(element, "data-state", step.state);
    attribute(element, "aria-label", stepWords(step).join(", "));
    const width = String(timed ? Math.round((step.seconds ?? 0) * 10) / 10 : 1);
    if (element.style.flexGrow !== width) element.style.flexGrow = width;
    const [position, name] = element.firstElementChild.children;
    put(position, (step.state === "failed" ? "✕ " : "") + ((step.position || "").split("/")[0] || "·"));
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
      const selection = focused === this.log.input ? [focused.selectionStart, focused.selectionEnd] : null;
      focused.focus({ preventScroll: true });
      if (selection) focused.setSelectionRange(...selection);
    }
  }

  dispose() {
    this.log.dispose();
    this.root.remove();
  }
}

const stepName = (step) =>
  `step ${step.position ? `${step.position}: ` : ""}${step.stage ? `[${step.stage}] ` : ""}${step.name}`;

function stepWords(step) {
  const seconds = typeof step.seconds === "number" ? duration(step.seconds) : "";
  return [stepName(step), seconds, step.state === "done" ? "" : step.state].filter(Boolean);
}

function goneWords(at, id, why) {
  const time = new Date(at).toTimeString().slice(0, 8);
  const words = [`${why || "Kernel gone"}: this is how the build stood at ${time}.`];
  return id ? [...words, " ", make("code", "", `%pcbuild status ${id.slice(0, 8)}`), " shows it again."] : words;
}

/** A model with its views: in elements of the page that name it, and where it was rendered as a widget. */
class Card {
  constructor(model) {
    this.model = model;
    this.key = "";
    this.store = new LogStore();
    this.wants = new Wants();
    this.views = new Set();
    this.places = new Map();
    this.live = true;
    this.goneAt = null;
    this.stoodAt = 0;
    this.started = this.mounted = false;
    this.handlers = {
      "change:key": () => this.start(),
      "change:state": () => this.#state(),
      "change:log": () => this.#log(),
      "msg:custom": (message) => this.#message(message),
      comm_live_update: () => this.#connection(),
    };
    for (const [name, handler] of Object.entries(this.handlers)) model.on(name, handler);
    this.#state();
    this.#log();
  }

  get ended() {
    return !this.state.ticking && this.state.mood !== "live";
  }

  get ticking() {
    return this.live && Boolean(this.state.ticking);
  }

  get id() {
    return (this.state.facts ?? []).find(([name]) => name === "id")?.[1] ?? "";
  }

  /** Seconds since the state arrived. */
  since() {
    return Math.max(0, (performance.now() - this.arrived) / 1000);
  }

  #state() {
    this.state = this.model.get("state") ?? {};
    this.arrived = performance.now();
    this.stoodAt = 0;
    for (const view of this.views) view.updateState();
    this.#tick();
  }

  #log() {
    const log = this.model.get("log");
    if (!log || log.generation === undefined) return;
    const news = this.store.window(log);
    if (news.other) this.wants.forget();
    for (const view of this.views) view.updateLog(news);
    this.ask();
  }

  #message(message) {
    if (message?.kind !== "lines" || message.generation !== this.store.generation) return;
    const added = message.lines ?? [];
    const range = this.store.put(message.generation, message.first, added);
    this.wants.came(message.first, message.first + added.length, performance.now());
    for (const view of this.views) view.updateLog({ range, other: false });
    this.ask();
  }

  /** Ask for what is missing, if anybody looks at the log. */
  ask() {
    clearTimeout(this.asking);
    if (!this.live || ![...this.views].some((view) => view.log.isOpen && view.root.isConnected)) return;
    const generation = this.store.generation;
    for (const [first, last] of this.wants.due(this.store.gaps(), performance.now())) {
      this.model.send({ kind: "want", generation, first, last });
    }
    if (this.wants.waiting) this.asking = setTimeout(() => this.ask(), ASK_AGAIN / 4);
  }

  /** One timer, while something ticks. */
  #tick() {
    const needed = this.ticking && this.views.size > 0;
    if (needed && !this.timer) {
      this.timer = setInterval(() => {
        if (this.real?.comm?.jsServicesComm?.isDisposed) return this.disconnect();
        for (const view of this.views) view.tick();
        return undefined;
      }, 1000);
    } else if (!needed && this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  // -- The connection --

  /** Begin, as soon as the kernel has told the model's id: it learns it only by opening the model. */
  async start() {
    const key = this.model.get("key");
    if (!key || key === this.key) return;
    const { cards } = shared();
    cards.get(key)?.release();
    cards.delete(this.key);
    cards.set(key, this);
    this.key = key;
    try {
      this.real = await this.model.widget_manager?.get_model(this.key);
    } catch {
      // Without the real model the events alone tell.
    }
    this.started = true;
    this.#connection();
    this.look();
  }

  #connection() {
    if (this.real?.comm_live === false) this.disconnect();
    else if (!this.live && this.real?.comm_live) {
      Object.assign(this, { live: true, goneAt: null });
      this.wants.forget();
      this.#refresh();
    }
  }

  /** The kernel is gone: nothing ticks, and of a build that goes on the saved card shows how it stood. */
  disconnect() {
    if (!this.live) return;
    this.stoodAt = this.ticking ? this.since() : 0;
    this.goneAt = Date.now();
    this.live = false;
    clearTimeout(this.asking);
    this.#refresh();
  }

  #refresh() {
    this.#tick();
    for (const [view, place] of this.places) {
      if (this.live || this.ended) this.#fill(view, place);
      else leave(place, make("div", `pcb ${CLASSES} pcb-gone`, ...goneWords(place.at, this.id, this.state.gone)));
    }
    for (const view of this.views) if (view.root.isConnected) view.placed();
    this.ask();
  }

  // -- Places in the page --

  /** Find the elements that name this card, and those that left. */
  look() {
    if (!this.started) return;
    for (const [view, place] of this.places) {
      if (place.host.isConnected) {
        clearTimeout(place.leaving);
        place.leaving = null;
      } else {
        place.leaving ??= setTimeout(() => this.#drop(view), KEEP);
      }
    }
    if (!this.live) return;
    const hosts = [...this.places.values()].map((place) => place.host);
    for (const host of document.querySelectorAll(`[data-pcb-model="${CSS.escape(this.key)}"]`)) {
      if (!hosts.includes(host)) this.#mount(host);
    }
  }

  #mount(host) {
    const display = host.getAttribute("data-pcb-display");
    const free = [...this.places].filter(([, place]) => !place.host.isConnected && place.display === display);
    const [view, old] = free.find(([, place]) => place.parent === host.parentNode) ?? free[0] ?? [];
    if (old) {
      clearTimeout(old.leaving);
      leave(old);
    }
    const place = { host, display, parent: host.parentNode, at: Date.now(), leaving: null, saved: null };
    const shown = view ?? this.#view();
    this.places.set(shown, place);
    this.#fill(shown, place);
    shown.placed();
    this.ask();
  }

  /** Put a view into its element; what was there is kept. */
  #fill(view, place) {
    if (place.saved) return;
    place.saved = { nodes: [...place.host.childNodes], label: place.host.getAttribute("aria-label") };
    place.host.removeAttribute("aria-label");
    place.host.classList.add("pcb-host");
    place.host.replaceChildren(view.root);
  }

  #view() {
    const view = new View(this);
    this.views.add(view);
    this.#greet();
    this.#tick();
    return view;
  }

  #drop(view) {
    const place = this.places.get(view);
    if (place) leave(place);
    this.places.delete(view);
    this.views.delete(view);
    view.dispose();
    this.#tick();
  }

  /** Tell the kernel, once, that somebody looks. */
  #greet() {
    if (this.mounted || !this.live) return;
    this.mounted = true;
    this.model.send({ kind: "mounted" });
  }

  /** Show it in an element of a widget; gives the way to end that. */
  render(el) {
    const view = this.#view();
    el.append(view.root);
    // anywidget attaches the element after this.
    view.placed();
    return () => this.#drop(view);
  }

  /** Another model has this one's key: the page's elements are that one's. */
  release() {
    this.dispose();
    for (const view of [...this.places.keys()]) this.#drop(view);
  }

  /** The model is gone. What has ended stays in sight as it is. */
  dispose() {
    const { cards } = shared();
    if (cards.get(this.key) === this) cards.delete(this.key);
    this.disconnect();
    for (const [name, handler] of Object.entries(this.handlers)) this.model.off(name, handler);
  }
}

/** Give an element back what it showed, after a notice if there is one. */
function leave(place, ...notice) {
  if (!place.saved) return;
  place.host.classList.remove("pcb-host");
  if (place.saved.label !== null) place.host.setAttribute("aria-label", place.saved.label);
  place.host.replaceChildren(...notice, ...place.saved.nodes);
  place.saved = null;
}

// Each model's module is an instance of its own: what they share is the page's.
const SHARED = Symbol.for("pipecat_nb.cards");

function shared() {
  if (globalThis[SHARED]) return globalThis[SHARED];
  const cards = new Map();
  const concerns = (record) =>
    [...record.addedNodes, ...record.removedNodes].some(
      (node) =>
        node instanceof Element && (node.matches("[data-pcb-model]") || node.querySelector("[data-pcb-model]")),
    );
  const observer = new MutationObserver((records) => {
    const outside = (record) => !(record.target instanceof Element && record.target.closest(".pcb-live"));
    if (records.some((record) => outside(record) && concerns(record)))
      for (const card of cards.values()) card.look();
  });
  observer.observe(document.body, { childList: true, subtree: true });
  return (globalThis[SHARED] = { cards, observer });
}

/** The card of this module's model, until its key is known. */
let latest = null;

function initialize({ model, signal }) {
  const card = (latest = new Card(model));
  card.start();
  const end = () => card.dispose();
  signal?.addEventListener("abort", end);
  return end;
}

function render({ model, el, signal }) {
  const end = (shared().cards.get(model.get("key")) ?? latest).render(el);
  signal?.addEventListener("abort", end);
  return end;
}

export default { initialize, render };
