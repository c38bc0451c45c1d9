// What is written on the page, without a browser.
import test from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const source = await readFile(new URL("../../internal/livepage/static/dom.js", import.meta.url), "utf8");
const { printable } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

test("what is not visible is escaped, and nothing else", () => {
  assert.equal(printable("x\x1b[31m\x07\n\u009b\x7f\u202eg\u2066\u2028y"), "x\\u001b[31m\\u0007\\u000a\\u009b\\u007f\\u202eg\\u2066\\u2028y");
  for (const text of ["", "Küche 台所 кухня", "💡 on"]) assert.equal(printable(text), text);
  assert.equal(printable(5), "5");
});
