// The embedded copy of uPlot is that of the npm package, byte for byte.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const ours = (name) => readFileSync(new URL(`../../internal/livepage/static/uplot/${name}`, import.meta.url));
const theirs = (name) => readFileSync(new URL(`node_modules/uplot/${name}`, import.meta.url));

test("uPlot is embedded as it was published", () => {
  assert.ok(ours("uPlot.iife.min.js").equals(theirs("dist/uPlot.iife.min.js")));
  assert.ok(ours("uPlot.min.css").equals(theirs("dist/uPlot.min.css")));
  assert.ok(ours("LICENSE").equals(theirs("LICENSE")));
  const { version, license } = JSON.parse(theirs("package.json"));
  assert.ok(ours("README").toString().includes(`uPlot ${version} `) && ours("README").toString().includes(license));
});
