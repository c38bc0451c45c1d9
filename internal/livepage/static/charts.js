// The charts, drawn by uPlot. Beside each stand its figures as text and, on demand,
// as a table: a canvas says nothing to who cannot see it.
/* global uPlot */
import { element, say, table } from "./dom.js";
import { duration, milliseconds, number } from "./format.js";

const perSecond = (v) => (v === null ? "–" : `${number(v)}/s`);

// A series is a column with a name, a colour of the style sheet and how to say it. mean
// is of how many seconds the mean is drawn: one receive brings many messages at once.
const all = [
  {
    title: "Calls a second", axis: number, series: [
      { column: "rate", name: "learned rate", colour: "--purple", dash: [6, 4], say: perSecond },
      { column: "calls", name: "calls", colour: "--blue", fill: "--fill", say: perSecond },
      { column: "throttled", name: "throttled", colour: "--amber", say: perSecond },
      { column: "failed", name: "failed", colour: "--red", say: perSecond },
    ],
  },
  {
    title: "Messages a second, the mean of 5 s", mean: 5, axis: number, series: [
      { column: "received", name: "received", colour: "--purple", dash: [6, 4], say: perSecond },
      { column: "applied", name: "applied", colour: "--green", say: perSecond },
      { column: "superseded", name: "superseded", colour: "--blue", say: perSecond },
      { column: "other", name: "duplicate or unchanged", colour: "--teal", say: perSecond },
      { column: "dead_lettered", name: "dead-lettered", colour: "--red", say: perSecond },
    ],
  },
  {
    title: "Backlog and its age", axis: number, right: (v) => duration(v), series: [
      { column: "held", name: "messages held", colour: "--blue", fill: "--fill", say: number },
      { column: "things", name: "things", colour: "--teal", say: number },
      { column: "oldest", name: "oldest (right)", colour: "--amber", scale: "right", dash: [6, 4], say: duration },
    ],
  },
  {
    title: "Call latency, of 15 s each", axis: milliseconds, series: [
      { column: "p50", name: "median", colour: "--teal", say: milliseconds },
      { column: "p95", name: "95th percentile", colour: "--purple", say: milliseconds },
    ],
  },
];

const height = 190; // px, the axes included
const longest = 15 * 60; // seconds shown, where there are as many
const shortest = 2 * 60;

export function makeCharts(place, history) {
  const cursor = uPlot.sync("time");
  const charts = all.map((what) => new Chart(place, what, history, cursor));
  const redraw = () => charts.forEach((chart) => chart.make());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  redraw();
  return { update: () => charts.forEach((chart) => chart.update()) };
}

class Chart {
  #what;
  #history;
  #cursor;
  #plot;
  #place;
  #values; // of the legend, one a series
  #table;

  constructor(place, what, history, cursor) {
    this.#what = what;
    this.#history = history;
    this.#cursor = cursor;
    const id = what.title.toLowerCase().replace(/\W+/g, "-");
    this.#values = what.series.map(() => element("b", { text: "–" }));
    this.#place = element("div", { class: "plot", role: "img", "aria-labelledby": id });
    this.#table = element("details", {}, element("summary", { text: "As a table" }), element("div"));
    this.#table.addEventListener("toggle", () => this.#tabulate());
    place.append(element("section", { class: "chart", "aria-labelledby": id },
      element("h3", { id, text: what.title }),
      element("ul", { class: "legend" }, ...what.series.map((s, i) => element("li", {}, element("i", { "data-colour": s.colour }), `${s.name} `, this.#values[i]))),
      this.#place,
      this.#table,
    ));
    this.#place.parentElement.querySelectorAll("[data-colour]").forEach((swatch) => { swatch.style.background = `var(${swatch.dataset.colour})`; });
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#place.clientWidth, height })).observe(this.#place);
  }

  // make draws anew, in the colours of the scheme.
  make() {
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--muted"), font: "12px system-ui", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const { series, right } = this.#what;
    const least = (_, low, high) => [0, Math.max(high * 1.1, 1)];
    const upright = (values) => (_, splits) => splits.map((v) => values(v));
    this.#plot = new uPlot({
      width: this.#place.clientWidth || 300, height,
      legend: { show: false },
      cursor: { sync: { key: this.#cursor.key }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => this.#range() }, y: { range: least }, ...(right && { right: { range: least } }) },
      axes: [
        { ...axis, size: 28, space: 70, incrs: [60, 120, 300], values: (_, splits) => splits.map((t) => new Date(t * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })) },
        { ...axis, size: 52, values: upright(this.#what.axis) },
        ...(right ? [{ ...axis, side: 1, scale: "right", size: 66, grid: { show: false }, values: upright(right) }] : []),
      ],
      series: [{}, ...series.map((s) => ({
        stroke: colour(s.colour), fill: s.fill && colour(s.fill), dash: s.dash, scale: s.scale ?? "y", width: 1.6, points: { show: false }, spanGaps: false,
      }))],
      hooks: {
        drawClear: [(plot) => this.#shade(plot, colour)],
        setCursor: [() => this.#say()],
      },
    }, this.#data(), this.#place);
    this.#say();
  }

  update() {
    this.#plot.setData(this.#data());
    this.#say();
    if (this.#table.open) this.#tabulate();
  }

  #data() { return [this.#history.of("t"), ...this.#what.series.map((s) => this.#of(s))]; }

  #of(s) {
    const of = this.#history.of(s.column);
    return this.#what.mean ? movingMean(of, this.#what.mean) : of;
  }

  #range() {
    const times = this.#history.of("t");
    const last = times.at(-1) ?? Date.now() / 1000;
    return [last - Math.min(longest, Math.max(shortest, last - (times[0] ?? last))), last];
  }

  // shade marks the time in which calls were held back: by the circuit, by a pause.
  #shade(plot, colour) {
    const times = this.#history.of("t");
    const why = this.#history.of("held_back");
    const { left, top, width, height } = plot.bbox;
    const x = (t) => Math.min(left + width, Math.max(left, plot.valToPos(t, "x", true)));
    for (let i = 0; i < times.length; i++) {
      if (!why[i]) continue;
      let end = i;
      while (end + 1 < times.length && why[end + 1] === why[i]) end++;
      plot.ctx.fillStyle = colour(why[i] === 2 ? "--paused" : "--held");
      plot.ctx.fillRect(x(times[i] - 1), top, x(times[end]) - x(times[i] - 1), height);
      i = end;
    }
  }

  // say writes the values now, or where the pointer is, into the legend.
  #say() {
    const at = this.#plot?.cursor?.idx;
    this.#what.series.forEach((s, i) => {
      const of = this.#of(s);
      say(this.#values[i], s.say(of[at ?? of.length - 1] ?? null));
    });
  }

  // tabulate shows the mean of each minute.
  #tabulate() {
    const minutes = new Map();
    this.#history.of("t").forEach((t, row) => {
      const minute = Math.floor(t / 60);
      if (!minutes.has(minute)) minutes.set(minute, []);
      minutes.get(minute).push(row);
    });
    const mean = (rows, of) => {
      const values = rows.map((row) => of[row]).filter((v) => v !== null && v !== undefined);
      return values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : null;
    };
    const { series, title } = this.#what;
    const rows = [...minutes].reverse().map(([minute, of]) => [
      new Date(minute * 60_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }),
      ...series.map((s) => s.say(mean(of, this.#history.of(s.column)))),
    ]);
    this.#table.lastElementChild.replaceChildren(table(`${title}, the mean of each minute`, [{ name: "minute" }, ...series.map((s) => ({ name: s.name, number: true }))], rows));
  }
}

// movingMean is the mean of each value and the n-1 before it, as far as there are any
// without a gap.
function movingMean(values, n) {
  let sum = 0;
  let from = 0;
  return values.map((v, i) => {
    if (v === null) {
      sum = 0;
      from = i + 1;
      return null;
    }
    sum += v;
    if (i - from >= n) sum -= values[from++];
    return Math.max(0, sum / (i - from + 1));
  });
}
