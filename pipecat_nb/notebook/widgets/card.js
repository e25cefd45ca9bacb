// The live card of a build: a model with its connection to the kernel, and the places in the page that show it.

import { View } from "./cardview.js";
import { ASK_AGAIN, LogStore, Wants } from "./log.js";

/** How long the view of an element that left the page waits for the element's next version. */
const KEEP = 300_000;

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

  /** The kernel is gone: nothing ticks, and the card of a build that goes on says how it stood, and when. */
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
    const place = { host, display, parent: host.parentNode, leaving: null, saved: null };
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

/** Give an element back what it showed. */
function leave(place) {
  if (!place.saved) return;
  place.host.classList.remove("pcb-host");
  if (place.saved.label !== null) place.host.setAttribute("aria-label", place.saved.label);
  place.host.replaceChildren(...place.saved.nodes);
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
