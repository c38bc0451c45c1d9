// The page beside make run: live data, an outage and its end.
import test from "node:test";
import assert from "node:assert/strict";
import { accessible, figure, launch, open, picture, state, until } from "./browser.mjs";
import { demo, faults } from "./programs.mjs";

test("the page lives beside make run, through an outage", async (t) => {
  const { page: address, cloud } = await demo(t, ["--rate", "40"]);
  const browser = await launch(t);
  const page = await open(browser, address);

  await t.test("it fills with live data", async () => {
    await state(page, "Receiving");
    await until(page, () => document.querySelectorAll("#tiles > div").length === 8 && document.querySelectorAll("#hot tbody tr").length > 0);
    await until(page, () => Number.parseFloat(document.querySelector("#tiles .value").textContent) > 0);
    const applied = () => page.locator("#outcomes tr", { hasText: "the API took its values" }).locator("td.number").innerText();
    const before = Number((await applied()).replaceAll(",", ""));
    await page.waitForTimeout(3000);
    assert.ok(Number((await applied()).replaceAll(",", "")) > before, "the sums stand still");
    assert.ok(await figure(page, "Calls") > 0);
    assert.ok(await figure(page, "Waiting") > 0);
    // Something is drawn in each chart: not all of its points have one colour.
    const drawn = await page.evaluate(() => [...document.querySelectorAll(".plot canvas")].map((c) => {
      const points = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
      return new Set(points).size;
    }));
    assert.equal(drawn.length, 4);
    drawn.forEach((colours, i) => assert.ok(colours > 10, `chart ${i} has ${colours} colours`));
  });

  await t.test("each chart has its figures as a table", async () => {
    const chart = page.locator(".chart", { hasText: "Calls a second" });
    await chart.locator("summary").focus();
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelectorAll(".chart details[open] tbody tr").length > 0);
    assert.match(await chart.locator("thead").innerText(), /learned rate/);
    assert.match(await chart.locator("tbody tr").first().innerText(), /^\d\d:\d\d\s+[\d.]+\/s/);
    await page.keyboard.press("Enter");
  });

  await t.test("a message that failed tells why", async () => {
    await page.locator(".failure summary", { hasText: "invalid message" }).first().click();
    await until(page, () => document.querySelectorAll(".failure[open] .timeline li").length >= 2);
    assert.match(await page.locator(".failure[open] .timeline").innerText(), /received/);
    await page.locator(".failure[open] summary").click();
  });

  await t.test("it is a page for everybody", async () => {
    await page.waitForTimeout(12_000); // some lines to draw
    for (const [name, scheme, size] of [
      ["light", "light", { width: 1280, height: 900 }],
      ["dark", "dark", { width: 1280, height: 900 }],
      ["phone", "light", { width: 390, height: 844 }],
      ["phone-dark", "dark", { width: 390, height: 844 }],
    ]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize(size);
      await page.waitForTimeout(1500);
      t.diagnostic(`${name}: ${(await accessible(page, name)).join(", ") || "axe finds nothing"}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name}: ${wide} pixels wider than the window`);
      await picture(page, name);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await t.test("it shows an outage and its end", async () => {
    await faults(cloud, 1);
    await state(page, "Circuit open");
    assert.match(await page.locator("#why").innerText(), /service is in trouble.*ServiceUnavailableException.*nothing is dead-lettered/s);
    assert.match(await page.locator("#probe").innerText(), /Open since \d\d:\d\d:\d\d.*Next probe/);
    assert.equal(await page.locator("[aria-live=polite] #state").count(), 1);
    await page.waitForTimeout(4000);
    await accessible(page, "outage");
    await picture(page, "outage");
    await faults(cloud, 0);
    await state(page, "Receiving");
    assert.equal(await page.locator("#probe").innerText(), "");
  });

  await t.test("nothing can be changed where there is no token", async () => {
    assert.ok(await page.locator("#readonly").isVisible());
    assert.ok(!await page.locator("#controls").isVisible());
    assert.ok((await fetch(`${address}control/pause`, { method: "POST" })).status >= 404);
  });

  await t.test("a second page begins with what the first one saw", async () => {
    const second = await open(browser, address);
    await state(second, "Receiving");
    await second.locator(".chart summary").first().click();
    await second.locator(".chart tbody tr").first().waitFor();
    second.calm();
  });

  await t.test("it has complained about nothing, and asked nobody else", () => page.calm());
});
