// The banner says in words what the worker does and, where it does not work, why.
import { say } from "./dom.js";
import { clock, duration } from "./format.js";

const states = {
  starting: ["Starting", "Nothing is received yet."],
  receiving: ["Receiving", "Messages are received and applied; the circuit is closed."],
  paused: ["Paused", "By an operator. No receive and no call starts; what is held stays held."],
  draining: ["Draining", "The worker stops: it finishes what is under way and gives the rest back to the queue."],
};

const noteFor = 5 * 60 * 1000; // ms

export class Banner {
  #place = (id) => document.getElementById(id);
  #stopped = false;
  #draining = false;
  #noteEnds;

  // live shows the worker's own word.
  live(status) {
    this.#stopped = false;
    this.#draining = status.state === "draining";
    const circuit = status.circuit;
    if (circuit.open && status.state === "receiving") {
      this.#show("open", "Circuit open", `${sentence(circuit.detail || circuit.why)}${circuit.code ? ` (${circuit.code})` : ""}. Nothing is received and nothing is dead-lettered until a probe gets through.`);
    } else if (status.state === "receiving" && status.reason) {
      this.#show("open", "Not receiving", `${sentence(status.reason)}.`);
    } else {
      const [title, text] = states[status.state] ?? [status.state, status.reason ?? ""];
      this.#show(status.state, title, text + since(status));
    }
    say(this.#place("probe"), circuit.open ? probe(circuit) : "");
  }

  stopped() {
    this.#stopped = true;
    this.#show("draining", "Stopped", "The worker has stopped. This page waits for it to come back.");
  }

  lost(since) {
    if (this.#draining) this.stopped(); // its last word may not have come through
    if (this.#stopped) return;
    this.#show("lost", "Connection lost", `Since ${clock(since)}. What stands here is from before; this page tries again every two seconds.`);
    say(this.#place("probe"), "");
  }

  note(text) {
    const note = this.#place("note");
    say(note, text);
    note.hidden = false;
    clearTimeout(this.#noteEnds);
    this.#noteEnds = setTimeout(() => { note.hidden = true; }, noteFor);
  }

  fault(text) {
    const fault = this.#place("fault");
    fault.hidden = !text;
    say(fault, text ?? "");
  }

  #show(state, title, text) {
    this.#place("banner").dataset.state = state;
    say(this.#place("state"), title);
    say(this.#place("why"), text);
    const name = `${title} · managed-thing-updater`;
    if (document.title !== name) document.title = name;
  }
}

// probe is when the circuit opened and what comes next. It changes each second, so it
// stands outside of what is read aloud.
function probe(circuit) {
  const open = `Open since ${clock(circuit.since)}, for ${duration(Math.max(0, (Date.now() - new Date(circuit.since)) / 1000))}.`;
  return circuit.next_probe ? `${open} Next probe not before ${clock(circuit.next_probe)}.` : open;
}

// since is since when something lasts that is not as it should be.
function since({ paused_since: paused, store, sqs }) {
  let text = paused ? ` Since ${clock(paused)}.` : "";
  for (const f of sqs?.failing ?? []) text += ` ${f.action} fails since ${clock(f.since)} (${f.code}): ${f.detail}.`;
  return store.failing_since ? `${text} The state store fails since ${clock(store.failing_since)}: ${store.error}` : text;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
