// The live page: what the worker's events say, put in its places.
import { followStream } from "./stream.js";
import { History } from "./history.js";
import { makeCharts } from "./charts.js";
import { Banner } from "./banner.js";
import { showTiles } from "./tiles.js";
import { showOutcomes, showCalls, showHot } from "./tables.js";
import { Failures } from "./failures.js";
import { makeControls } from "./controls.js";
import { clock } from "./format.js";

const place = (id) => document.getElementById(id);
const history = new History();
const charts = makeCharts(place("charts"), history);
const banner = new Banner();
const failures = new Failures(place("failures"));
const controls = makeControls((text) => banner.fault(text));
let worker = null; // the hello of the worker that answered last

followStream("live/events", {
  hello(hello) {
    const same = worker && hello.name === worker.name;
    const restarted = worker && hello.started !== worker.started;
    if (worker && hello.page !== worker.page) {
      banner.note("This page is another version than the worker's. Load it again to have the worker's own.");
    } else if (restarted && same) {
      banner.note(`The worker restarted at ${clock(hello.started)}: counts began again.`);
    } else if (restarted) {
      banner.note(`Another worker answers now: ${hello.name}, started at ${clock(hello.started)}. Before it was ${worker.name}.`);
    }
    history.begin(hello.columns, hello.points, restarted && same);
    worker = hello;
    place("which").textContent = `${hello.name} · version ${hello.version} · started ${new Date(hello.started).toLocaleString()}`;
    place("readonly").hidden = hello.controls;
    controls.allow(hello.controls);
    failures.connected();
    charts.update();
  },
  now({ point, status, hot }) {
    history.add(point);
    place("queue").textContent = `${status.queue} · state in ${status.store.kind}`;
    banner.live(status);
    controls.show(status);
    showTiles(place("tiles"), status, history);
    showOutcomes(place("outcomes"), status);
    showCalls(place("calls"), status);
    showHot(place("hot"), hot);
    failures.update(status);
    charts.update();
  },
  bye() { banner.stopped(); },
  lost(since) { banner.lost(since); },
  fault(text) { banner.fault(text); },
});
