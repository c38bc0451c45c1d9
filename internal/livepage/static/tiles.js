// The figures at the top.
import { element, say } from "./dom.js";
import { duration, milliseconds, number, percent } from "./format.js";

const settled = ["applied", "superseded", "other", "dead_lettered"];

// tiles are {name, value, unit, more, tone}.
function tiles(status, history) {
  const { pace, messages, backlog } = status;
  const rate = settled.reduce((sum, column) => sum + (history.lately(column) ?? 0), 0);
  const dead = messages.outcomes.dead_lettered ?? 0;
  const drain = pace.drain_seconds === undefined ? "no telling when it is drained" : `drained in about ${duration(pace.drain_seconds)}${pace.more_in_queue ? ", and more is queued" : ""}`;
  const queued = pace.queued ? `, ${number(pace.queued)} more queued` : "";
  return [
    { name: "Messages settled", value: number(rate), unit: "/s", more: `${number(history.lately("received") ?? 0)}/s received` },
    { name: "Calls", value: number(history.lately("calls") ?? 0), unit: `of ${number(pace.rate)}/s`, more: `${percent(pace.utilisation)} of the learned rate used` },
    { name: "Throttled", value: percent(pace.throttled_share), unit: "", more: "of the last minute's calls" },
    { name: "Messages a call", value: number(pace.messages_per_call, 1), unit: "", more: "settled, in the last minute" },
    { name: "Waiting", value: number(messages.held), unit: "messages", more: `for ${number(backlog.things)} ${backlog.things === 1 ? "thing" : "things"}${queued}` },
    { name: "Oldest", value: duration(backlog.oldest_seconds), unit: "", more: drain },
    { name: "Call latency", value: milliseconds(history.lately("p95", 1)), unit: "p95", more: `${milliseconds(history.lately("p50", 1))} p50` },
    { name: "Dead-lettered", value: number(dead), unit: "", more: dead ? "since the start" : "none since the start", tone: dead ? "warn" : undefined },
  ];
}

export function showTiles(place, status, history) {
  tiles(status, history).forEach((tile, i) => {
    const it = place.children[i] ?? place.appendChild(element("div", {},
      element("dt", { text: tile.name }),
      element("dd", {}, element("span", { class: "value" }, element("span"), " ", element("span", { class: "unit" }))),
      element("dd", { class: "muted" }),
    ));
    const [value, unit] = it.querySelectorAll(".value > span");
    say(value, tile.value);
    say(unit, tile.unit);
    it.querySelector(".value").className = `value ${tile.tone ?? ""}`;
    say(it.lastElementChild, tile.more);
  });
}
