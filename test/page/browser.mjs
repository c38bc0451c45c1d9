// A real browser, and an eye on what a page does in it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM || execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = new URL("screenshots/", import.meta.url).pathname;

// launch starts Chromium with a profile of its own, until the test ends.
export async function launch(t) {
  const browser = await chromium.launch({
    executablePath,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t.after(() => browser.close());
  return browser;
}

// open opens an address in a window of its own. calm, asked at the end, fails where
// the page complained about something or asked anything of anybody else; allowed says
// which complaints are expected.
export async function open(browser, address, { allowed = () => false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type()) && !allowed(m.text(), m.location().url)) complaints.push(`${m.type()}: ${m.text()} (${m.location().url})`);
  });
  page.on("pageerror", (e) => complaints.push(`uncaught: ${e.stack}`));
  page.on("request", (r) => {
    const to = new URL(r.url());
    if (to.protocol !== "data:" && to.origin !== new URL(address).origin) complaints.push(`asked ${r.url()}`);
  });
  page.calm = () => assert.deepEqual(complaints, []);
  await page.goto(address, { waitUntil: "domcontentloaded" });
  return page;
}

// until waits for something to become true of the page.
export const until = (page, what, within = 30_000) => page.waitForFunction(what, null, { timeout: within });

// state waits for the word that the banner says.
export async function state(page, word, within = 30_000) {
  await page.waitForFunction((w) => document.getElementById("state").textContent === w, word, { timeout: within }).catch(async (e) => {
    const is = await page.locator("#banner").innerText();
    throw new Error(`not "${word}" within ${within / 1000} s, but: ${is}`, { cause: e });
  });
}

// picture keeps a screenshot for people.
export async function picture(page, name, options = { fullPage: true }) {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png`, ...options });
}

// accessible fails where axe finds something that is serious or worse.
export async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const bad = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(bad.map((v) => `${what}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target).join(", ")}`), []);
  assert.ok(found.passes.length + found.violations.length > 10, "axe looked at next to nothing");
  return found.violations.map((v) => `${v.impact} ${v.id}`);
}

export const figure = (page, name) => page.evaluate((n) => {
  const tile = [...document.querySelectorAll("#tiles > div")].find((d) => d.firstElementChild.textContent === n);
  return Number.parseFloat(tile.querySelector(".value > span").textContent.replaceAll(",", ""));
}, name);
