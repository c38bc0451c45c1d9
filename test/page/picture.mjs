// Makes docs/live-page.png, of some minutes beside make run with a short outage:
// make picture
import test from "node:test";
import { launch, open, state } from "./browser.mjs";
import { demo, faults } from "./programs.mjs";

test("docs/live-page.png", async (t) => {
  const { page: address, cloud } = await demo(t, ["--rate", "22", "--things", "60"]);
  const page = await open(await launch(t), address, { viewport: { width: 1280, height: 1000 }, colorScheme: "light" });
  await state(page, "Receiving");
  await page.waitForTimeout(150_000);
  await faults(cloud, 1);
  await page.waitForTimeout(25_000);
  await faults(cloud, 0.02);
  await page.waitForTimeout(180_000);
  await page.screenshot({ path: new URL("../../docs/live-page.png", import.meta.url).pathname });
});
