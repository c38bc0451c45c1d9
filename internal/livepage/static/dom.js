// printable is text without characters that are not visible: a producer's mark of
// direction would turn the rest of its line around. As in the terminal and the log,
// each is written as JSON writes it.
export function printable(text) {
  const escaped = (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => c.split("").map(escaped).join(""));
}

// element makes an element. Text goes in as text, never as markup.
export function element(name, { text, ...rest } = {}, ...children) {
  const it = document.createElement(name);
  if (text !== undefined) it.textContent = printable(text);
  for (const [key, value] of Object.entries(rest)) {
    if (value === undefined || value === false) continue;
    it.setAttribute(key, value === true ? "" : printable(value));
  }
  it.append(...children.filter((child) => child !== null && child !== undefined));
  return it;
}

// table makes a table with a caption for who cannot see where it stands. A column is
// {name, number}; a row is a list of texts or elements, the first of them its heading.
export function table(caption, columns, rows) {
  const cell = (value, i) => {
    const it = element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : undefined, class: columns[i].number ? "number" : columns[i].class });
    it.append(value instanceof Node ? value : document.createTextNode(printable(value)));
    return it;
  };
  return element("div", { class: "scroll" }, element("table", {},
    element("caption", { class: "hidden", text: caption }),
    element("thead", {}, element("tr", {}, ...columns.map((c) => element("th", { scope: "col", text: c.name, class: c.number ? "number" : c.class })))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))),
  ));
}

// fill puts content in a place, unless it says the same already: a reader's place
// and a selection are kept.
export function fill(place, ...content) {
  const said = content.map((c) => c.textContent).join("\n");
  if (place.childElementCount === content.length && place.said === said) return;
  place.said = said;
  place.replaceChildren(...content);
}

// say sets a text, where it changed: a screen reader reads it again otherwise.
export function say(place, text) {
  text = printable(text);
  if (place.textContent !== text) place.textContent = text;
}
