// The page where a token is set: log in, pause, resume, the log's level, and a
// restart of the worker under the open page.
import test from "node:test";
import assert from "node:assert/strict";
import { accessible, launch, open, picture, state, until } from "./browser.mjs";
import { cloud, feed, freePort, up, worker } from "./programs.mjs";

const token = "a-token-for-tests";

test("an operator's page", async (t) => {
  const [local, port] = [await cloud(t), await freePort()];
  const address = `http://127.0.0.1:${port}/`;
  const env = { WORKER_ADMIN_TOKEN: token };
  let first = worker(t, local, port, env);
  await up(address, first);
  feed(t, local);
  const browser = await launch(t);
  let away = false; // the worker, on purpose
  const page = await open(browser, address, {
    allowed: (text) => away && /net::ERR_/.test(text),
  });

  await t.test("it asks for the token", async () => {
    assert.equal(new URL(page.url()).pathname, "/login");
    await accessible(page, "login");
    await picture(page, "login");
    await page.keyboard.type("wrong"); // the field has the focus
    await page.keyboard.press("Enter");
    await until(page, () => location.search === "?wrong");
    assert.ok(await page.getByRole("alert").isVisible());
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await state(page, "Receiving");
    const cookies = await page.context().cookies();
    assert.equal(cookies.length, 1);
    assert.ok(cookies[0].httpOnly && cookies[0].sameSite === "Strict" && !cookies[0].value.includes(token));
  });

  await t.test("pause and resume", async () => {
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await accessible(page, "the question");
    await page.keyboard.press("Escape");
    await page.waitForTimeout(1500);
    await state(page, "Receiving");
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause", exact: true }).click();
    await state(page, "Paused");
    const ready = await fetch(`${address}readyz`);
    assert.equal(ready.status, 200); // a roll-out must not wait for it
    assert.match(await ready.text(), /paused/);
    assert.equal((await fetch(`${address}healthz`)).status, 200);
    await page.waitForTimeout(2500);
    await picture(page, "paused");
    await accessible(page, "paused");
    await page.getByRole("button", { name: "Resume" }).click();
    await state(page, "Receiving");
    assert.equal((await fetch(`${address}readyz`)).status, 200);
  });

  await t.test("the level of the log", async () => {
    await page.getByLabel("Log level").selectOption("debug");
    await page.locator("h1").click();
    const status = async () => (await fetch(`${address}status`, { headers: { authorization: `Bearer ${token}` } })).json();
    for (let tries = 0; (await status()).log_level !== "debug"; tries++) {
      assert.ok(tries < 50, "the level stays");
      await page.waitForTimeout(100);
    }
    assert.match(first.said, /log level changed by an operator/);
    await page.getByLabel("Log level").selectOption("info");
  });

  await t.test("it outlives a restart of the worker", async () => {
    away = true;
    await first.stop("SIGKILL");
    await state(page, "Connection lost");
    await picture(page, "lost", {});
    first = worker(t, local, port, env);
    await up(address, first);
    await state(page, "Receiving");
    away = false;
    await until(page, () => /restarted at \d\d:\d\d:\d\d/.test(document.getElementById("note").textContent));
    await until(page, () => Number.parseFloat(document.querySelector("#tiles .value").textContent) > 0);
    await picture(page, "restarted");
  });

  await t.test("it says that the worker has stopped", async () => {
    away = true;
    await first.stop("SIGTERM");
    await state(page, "Stopped");
    assert.match(first.said, /"stranded":0/);
    first = worker(t, local, port, env);
    await up(address, first);
    await state(page, "Receiving");
    away = false;
  });

  await t.test("log out", async () => {
    await page.getByRole("button", { name: "Log out" }).click();
    await until(page, () => location.pathname === "/login");
    await page.goto(address);
    assert.equal(new URL(page.url()).pathname, "/login");
  });

  await t.test("it has complained about nothing, and asked nobody else", () => page.calm());
});
