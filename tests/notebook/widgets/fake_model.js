// A widget's model without a kernel: what is sent is kept, what would come is pushed in by the test.

export class FakeModel {
  constructor(values, { live = true } = {}) {
    this.values = { key: "model-1", state: {}, log: {}, ...values };
    this.listeners = new Map();
    this.sent = [];
    const trigger = (name, ...more) => this.trigger(name, ...more);
    this.real = {
      alive: live,
      get comm_live() {
        return this.alive;
      },
      set comm_live(alive) {
        this.alive = alive;
        trigger("comm_live_update");
      },
    };
    this.widget_manager = {
      get_model: async (id) => (id === this.values.key ? this.real : Promise.reject(new Error(id))),
    };
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    this.trigger(`change:${name}`);
  }

  save_changes() {}

  send(message) {
    this.sent.push(message);
  }

  on(name, callback) {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), callback]);
  }

  off(name, callback) {
    this.listeners.set(
      name,
      (this.listeners.get(name) ?? []).filter((one) => one !== callback),
    );
  }

  trigger(name, ...more) {
    for (const callback of this.listeners.get(name) ?? []) callback(...more);
  }

  /** As the kernel sets a part of the card's state. */
  state(change) {
    this.set("state", { ...this.get("state"), ...change });
  }

  /** As the kernel sends a window of the log. */
  log(lines, { first = 0, total = first + lines.length, generation = 1, notice = "", done = false } = {}) {
    this.set("log", { generation, total, first, lines, notice, done });
  }

  /** As the kernel answers what it was asked for. */
  answer(first, lines, generation = 1) {
    this.trigger("msg:custom", { kind: "lines", generation, first, lines }, []);
  }

  /** What the page asked for. */
  get wants() {
    return this.sent
      .filter((message) => message.kind === "want")
      .map(({ generation, first, last }) => [generation, first, last]);
  }
}
