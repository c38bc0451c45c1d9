// Recent failures, newest first, each with its timeline.
import { element } from "./dom.js";
import { clock, words } from "./format.js";

const every = 10_000; // ms between two looks, where nothing tells of a new one
const shown = 15;

export class Failures {
  #place;
  #none = false; // this worker keeps no timelines
  #lettered = -1;
  #asked = 0;
  #list = "";
  #known = new Map(); // by id, those that are shown

  constructor(place) { this.#place = place; }

  connected() {
    this.#none = false;
    this.#asked = 0;
  }

  // update asks for the list: at once where there is a new dead letter.
  async update(status) {
    const lettered = status.messages.outcomes.dead_lettered ?? 0;
    if (this.#none || (lettered === this.#lettered && Date.now() - this.#asked < every)) return;
    this.#lettered = lettered;
    this.#asked = Date.now();
    const list = await ask("status/messages?failed=1");
    if (list === null) {
      this.#none = true;
      this.#say("This worker keeps no timelines of messages.");
    } else if (list !== undefined) {
      this.#show(list.slice(0, shown));
    }
  }

  #show(list) {
    const is = JSON.stringify(list);
    if (is === this.#list) return;
    this.#list = is;
    // What somebody reads stays, behind those that are newer.
    const read = [...this.#known].filter(([id, f]) => f.element.open && !list.some((l) => l.id === id));
    this.#known = new Map([...list.map((f) => [f.id, this.#known.get(f.id) ?? new Failure(f.id)]), ...read]);
    if (this.#known.size === 0) {
      this.#say("None yet.");
      return;
    }
    list.forEach((f) => this.#known.get(f.id).update(f));
    const wanted = [...this.#known.values()].map((f) => f.element);
    const there = [...this.#place.children];
    // Only where the order changed: what is moved loses the keyboard's focus.
    if (there.length !== wanted.length || there.some((it, i) => it !== wanted[i])) this.#place.replaceChildren(...wanted);
  }

  #say(text) {
    this.#place.replaceChildren(element("p", { class: "muted", text }));
  }
}

class Failure {
  element;
  #id;
  #is = "";
  #summary = element("summary");
  #more = element("div", {}, element("p", { class: "muted", text: "Asking for its timeline…" }));

  constructor(id) {
    this.#id = id;
    this.element = element("details", { class: "failure" },
      this.#summary,
      element("p", { class: "muted" }, "message ", element("span", { class: "id", text: id })),
      this.#more,
    );
    this.element.addEventListener("toggle", () => this.#tell());
  }

  update(f) {
    const is = JSON.stringify(f);
    if (is === this.#is) return;
    this.#is = is;
    this.#summary.replaceChildren(
      element("time", { text: clock(f.at), datetime: f.at }),
      element("span", { class: "reason", text: words(f.reason || f.outcome || "failed") }),
      element("span", { class: "id", text: f.thing || "(no thing)" }),
      element("span", { class: "muted", text: f.code ?? "" }),
    );
    this.#tell();
  }

  // tell asks for the timeline, while it can be seen.
  async #tell() {
    if (!this.element.open) return;
    const timeline = await ask(`status/messages/${encodeURIComponent(this.#id)}`);
    if (timeline) {
      this.#more.replaceChildren(element("ol", { class: "timeline" }, ...timeline.events.map((e) => element("li", {},
        element("time", { text: clock(e.at), datetime: e.at }),
        element("b", { text: e.what }),
        e.detail ? ` ${e.detail}` : "",
      ))));
    } else {
      this.#more.replaceChildren(element("p", { class: "muted", text: timeline === null ? "Its timeline is kept no more." : "The worker does not answer." }));
    }
  }
}

// ask returns null where there is no such thing, and undefined where nobody answers.
async function ask(address) {
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.status === 404) return null;
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}
