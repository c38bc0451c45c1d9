// Recent failures and their timelines, from a stub of the worker's endpoints before
// a real worker; behind a prefix, as a proxy may add one.
import test from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { accessible, launch, open, picture, state, until } from "./browser.mjs";
import { cloud, feed, freePort, up, worker } from "./programs.mjs";

const nasty = "<img src=x onerror=alert(1)>";
const failures = [
  { id: "11111111-aaaa", thing: nasty, outcome: "dead_lettered", reason: "rejected", code: "ValidationException", at: "2026-05-01T12:00:05Z" },
  { id: "22222222-bbbb", thing: "lamp-2", outcome: "dead_lettered", reason: "not_found", code: "ResourceNotFoundException", at: "2026-05-01T12:00:01Z" },
];
const timeline = {
  id: "11111111-aaaa", thing: nasty, outcome: "dead_lettered",
  events: [
    { at: "2026-05-01T12:00:00Z", what: "received", detail: "for the first time" },
    { at: "2026-05-01T12:00:04Z", what: "refused by the API", detail: nasty },
    { at: "2026-05-01T12:00:05Z", what: "dead-lettered", detail: "" },
  ],
};

// stub passes everything below /some/prefix on to the worker, but for messages.
async function stub(t, to) {
  const is = { list: failures, broken: false };
  const server = http.createServer((request, response) => {
    const path = request.url.replace("/some/prefix", "");
    const answer = (status, value) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (is.broken) return answer(502, "nobody there");
    if (path === "/status/messages?failed=1") return answer(200, is.list);
    if (path === `/status/messages/${timeline.id}`) return answer(200, timeline);
    if (path.startsWith("/status/messages/")) return answer(404, "gone");
    const onward = http.request({ port: to, host: "127.0.0.1", path, method: request.method, headers: request.headers }, (got) => {
      response.writeHead(got.statusCode, got.headers);
      got.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    is.open = response;
    request.pipe(onward);
  });
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  is.address = `http://127.0.0.1:${server.address().port}/some/prefix/`;
  is.cut = () => server.closeAllConnections();
  return is;
}

test("recent failures", async (t) => {
  const [local, port] = [await cloud(t), await freePort()];
  const program = worker(t, local, port);
  await up(`http://127.0.0.1:${port}/`, program);
  feed(t, local);
  const before = await stub(t, port);
  const browser = await launch(t);
  let expected = false;
  const page = await open(browser, before.address, { allowed: (text) => expected && /404|502|net::ERR_/.test(text) });
  await state(page, "Receiving");
  await until(page, () => document.querySelectorAll(".failure").length === 2);

  await t.test("what data says is text, never markup", async () => {
    assert.equal(await page.locator("#failures img").count(), 0);
    assert.ok((await page.locator(".failure").first().innerText()).includes(nasty));
    assert.match(await page.locator(".failure").nth(1).innerText(), /not found.*lamp-2.*ResourceNotFoundException/s);
  });

  await t.test("each opens to its timeline, by keyboard too", async () => {
    await page.locator(".failure summary").first().focus();
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelectorAll(".timeline li").length === 3);
    assert.ok((await page.locator(".timeline").innerText()).includes(nasty));
    assert.equal(await page.locator("#failures img").count(), 0);
    await accessible(page, "failures");
    await picture(page, "failures");
  });

  await t.test("a timeline that is kept no more", async () => {
    expected = true;
    await page.locator(".failure summary").nth(1).click();
    await until(page, () => document.getElementById("failures").textContent.includes("kept no more"));
    await page.locator(".failure summary").nth(1).click();
    expected = false;
  });

  await t.test("a new one comes by itself, and what is open stays open", async () => {
    before.list = [{ id: "33333333-cccc", thing: "lamp-3", outcome: "dead_lettered", reason: "denied", code: "AccessDeniedException", at: "2026-05-01T12:01:00Z" }, ...failures];
    await until(page, () => document.querySelectorAll(".failure").length === 3);
    assert.match(await page.locator(".failure").first().innerText(), /denied.*lamp-3/s);
    assert.ok(await page.locator(".failure").nth(1).evaluate((d) => d.open));
    assert.equal(await page.locator(".timeline li").count(), 3);
  });

  await t.test("an open timeline goes on", async () => {
    timeline.events.push({ at: "2026-05-01T12:02:00Z", what: "moved back", detail: "by an operator" });
    before.list = before.list.map((f) => (f.id === timeline.id ? { ...f, at: "2026-05-01T12:02:00Z" } : f));
    await until(page, () => document.querySelectorAll(".timeline li").length === 4);
  });

  await t.test("what somebody reads stays though others push it out", async () => {
    before.list = before.list.slice(0, 1);
    await until(page, () => document.querySelectorAll(".failure").length === 2);
    assert.equal(await page.locator(".failure").nth(1).locator(".timeline li").count(), 4);
  });

  await t.test("none", async () => {
    await page.locator(".failure[open] summary").click();
    before.list = [];
    await until(page, () => document.getElementById("failures").textContent === "None yet.");
  });

  // A proxy that answers in the worker's place ends a stream for good: the browser
  // does not try again by itself.
  await t.test("it comes back after a proxy's errors", async () => {
    expected = true;
    before.broken = true;
    before.cut();
    await state(page, "Connection lost");
    await page.waitForTimeout(6000);
    before.broken = false;
    await state(page, "Receiving");
    expected = false;
  });

  await t.test("it has complained about nothing, and asked nobody else", () => page.calm());
});
