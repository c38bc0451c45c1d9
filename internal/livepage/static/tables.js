// The tables of sums.
import { element, fill, table } from "./dom.js";
import { duration, number, words } from "./format.js";

const meaning = {
  applied: "the API took its values",
  superseded: "a newer value is applied",
  superseded_unsure: "a newer value is applied, but may not set all its keys",
  duplicate: "seen before",
  unchanged: "nothing to set",
  dead_lettered: "copied to the dead-letter queue",
  released: "given back to the queue",
};

export function showOutcomes(place, { messages, dead_letters: letters }) {
  const rows = Object.entries(meaning).map(([name, text]) => [words(name), text, number(messages.outcomes[name] ?? 0)]);
  rows.push(["received", `${number(messages.held)} held now, ${number(messages.merged)} shared another's call`, number(messages.received)]);
  const content = [table("Outcomes of messages", [{ name: "outcome" }, { name: "meaning", class: "meaning" }, { name: "messages", number: true }], rows)];
  const reasons = Object.entries(letters).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  if (reasons.length > 0) {
    content.push(table("Dead letters by reason", [{ name: "reason of dead letters" }, { name: "letters", number: true }], reasons.map(([name, n]) => [words(name), number(n)])));
  }
  fill(place, ...content);
}

export function showCalls(place, { calls }) {
  const rows = Object.entries(calls.by_result).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) {
    fill(place, element("p", { class: "muted", text: "None yet." }));
    return;
  }
  const all = rows.reduce((sum, [, n]) => sum + n, 0);
  fill(place, table("Calls by how they ended", [{ name: "ended" }, { name: "share", class: "share" }, { name: "calls", number: true }], rows.map(([name, n]) => [
    words(name),
    element("meter", { min: 0, max: all, value: n, "aria-label": `${words(name)}: share of all calls` }),
    number(n),
  ])));
}

export function showHot(place, hot) {
  if (hot.length === 0) {
    fill(place, element("p", { class: "muted", text: "Nothing waits that would be merged." }));
    return;
  }
  fill(place, table("Things that most messages wait for", [{ name: "thing" }, { name: "messages", number: true }, { name: "oldest", number: true }, { name: "state", number: true }], hot.map((h) => [
    element("span", { class: "id", text: h.thing }),
    number(h.waiting),
    duration(h.oldest_seconds ?? null),
    h.failures ? `${h.state}, failed ${h.failures}×` : h.state,
  ])));
}
