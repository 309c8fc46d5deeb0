"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const all = (what, inside = document) => [...inside.querySelectorAll(what)];
const make = (tag, more = {}, ...inside) => {
  const node = Object.assign(document.createElement(tag), more);
  node.append(...inside);
  return node;
};

// A text holds another; one that ends in a digit is not found in a longer number: row 2 is not row 24.
const holds = (whole, wanted) => {
  for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + 1)) {
    if (!(/\d$/.test(wanted) && /^\d/.test(whole.slice(at + wanted.length)))) return true;
  }
  return false;
};

// --- keys: name, [row], end, status, group, family, lines, life; a text that lacks the number of a row is a pair ---
const text = (place, row) => typeof data.texts[place] === "string" ? data.texts[place] : data.texts[place][0] + row + data.texts[place][1];
const keys = data.keys.map(([place, row, end, status, group, family, lines, life]) => {
  const name = text(place, row), of = { status: data.statuses[status], group: data.groups[group], family: data.families[family] };
  return { name, end, lines, life, ...of, hay: [name, end, of.status, of.group].join(" ").toLowerCase() };
});
const told = key => {
  const lines = [];
  for (let at = 0; at < key.lines.length;) {
    const what = data.texts[key.lines[at++]], place = key.lines[at++];
    lines.push([what, text(place, typeof data.texts[place] === "string" ? 0 : key.lines[at++])]);
  }
  return lines;
};
const day = number => new Date(number * 864e5).toISOString().slice(0, 10);
const moments = key => {
  const own = [];
  for (let at = 0; at < key.life.length; at += 2) own.push([key.life[at], data.texts[key.life[at + 1]], true]);
  return [...own, ...data.deadlines].sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
};
const story = key => {
  const facts = make("dl"), life = make("ol", { className: "life" });
  let before = "", later = "";
  for (const [what, line] of told(key)) {
    facts.append(make("dt", {}, what === before ? "" : what), make("dd", {}, line));
    before = what;
  }
  for (const [number, what, own] of moments(key)) {
    if (what === data.today) later = " later";
    life.append(make("li", { className: (own ? "own" : "") + later }, make("time", {}, day(number)), " ", make("span", {}, what)));
  }
  const words = () => [`${key.name} ${key.end} is ${key.status}.`, ...told(key).map(line => line.join(": ")), ...moments(key).map(([number, what]) => `${day(number)} ${what}`)].join("\n");
  return make("div", { className: "story " + key.family }, make("b", {}, make("bdi", {}, key.name), ` ${key.end} is ${key.status}. `), copying(words, "Copy this story"), facts, life);
};
const opener = (key, node) => {
  const button = make("button", { className: "key", type: "button" });
  button.append(...node.childNodes);
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const row = button.closest("tr"), open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) return button.told.remove();
    button.told = row ? make("tr", { className: "told" }, make("td", { colSpan: row.cells.length }, story(key))) : make("li", { className: "told" }, story(key));
    (row || button.closest("li")).after(button.told);
  });
  node.append(button);
};
for (const one of all("[data-k]")) {
  const key = keys[one.dataset.k];
  if (key) opener(key, one.querySelector("span"));
}

// --- texts to copy; where the browser keeps its clipboard shut, the text is selected ---
function copying(words, name) {
  const button = make("button", { className: "copy", type: "button" }, name);
  const say = what => { button.textContent = what; setTimeout(() => { button.textContent = name; }, 2000); };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(words());
      say("Copied");
    } catch {
      const box = make("textarea", { value: words(), readOnly: true });
      button.after(box);
      box.select();
      const done = document.execCommand("copy");
      say(done ? "Copied" : "Press Ctrl+C");
      if (done) box.remove(); else box.addEventListener("blur", () => box.remove());
    }
  });
  return button;
}
for (const step of all(".work > li")) step.querySelector(".chips").append(copying(() => all("[data-copy]", step).map(one => one.textContent).join("\n"), "Copy this step"));

for (const one of all("details.group")) one.append(copying(() => all("[data-copy], tr.item:not([hidden]) th", one).map(part => part.textContent).join("\n"), "Copy this list"));

// --- looking up ---
const box = document.getElementById("find"), group = document.getElementById("group"), found = document.getElementById("found"), MOST = 50, FIRST = 12;
const answer = box.parentElement.querySelector("output");
const ending = wanted => /^\S{8,}$/.test(wanted) ? "…" + wanted.slice(wanted.length < 12 ? -2 : -4) : "";
const search = () => {
  const wanted = box.value.trim().toLowerCase(), parts = wanted.split(/\s+/);
  const of = keys.filter(key => !group.value || key.group === group.value);
  const tests = [key => holds(key.hay, wanted), key => parts.every(part => holds(key.hay, part)), key => ending(wanted) && key.end.toLowerCase() === ending(wanted)];
  const hits = tests.reduce((hits, test) => hits.length ? hits : of.filter(test), []);
  const most = wanted || group.value ? MOST : FIRST, shown = Math.min(hits.length, most);
  found.replaceChildren(...hits.slice(0, most).map(key => {
    const name = make("span", {}, make("bdi", {}, key.name), " ", make("i", { className: "end" }, key.end));
    opener(key, name);
    return make("li", {}, make("i", { className: "dot " + key.family }), name, " ", make("small", {}, `${key.status}, ${key.group}`));
  }));
  answer.textContent = `${shown < hits.length ? shown + " of " : ""}${hits.length.toLocaleString("en")} ${hits.length === 1 ? "key" : "keys"}`;
};
box.addEventListener("input", search);
group.addEventListener("input", search);
for (const link of all("a[data-group]")) link.addEventListener("click", () => { group.value = link.dataset.group; box.value = ""; search(); });
document.getElementById("lookup").hidden = keys.length === 0;
search();

// --- tables: sort by any column; findings: a filter ---
const value = (row, place) => row.cells[place].dataset.v ?? row.cells[place].textContent.trim();
for (const table of all("table.sort")) all("thead th", table).forEach((head, place) => {
  const button = make("button", { type: "button" }, ...head.childNodes), number = head.classList.contains("n");
  head.append(button);
  button.addEventListener("click", () => {
    const way = head.getAttribute("aria-sort") === (number ? "descending" : "ascending") ? -1 : 1;
    all("[aria-sort]", table).forEach(one => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", (way === 1) === number ? "descending" : "ascending");
    all("tr.told", table).forEach(one => one.remove());
    all("button.key", table).forEach(one => one.setAttribute("aria-expanded", "false"));
    const compare = number ? (a, b) => b.replace(/,/g, "") - a.replace(/,/g, "") : (a, b) => a.localeCompare(b, "en", { numeric: true });
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => way * compare(value(a, place), value(b, place))));
  });
});
const filter = document.getElementById("filter"), groups = all("details.group");
if (filter) {
  filter.parentElement.hidden = false;
  const first = groups.map(one => one.open), items = groups.map(one => all("tr.item", one));
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    groups.forEach((one, place) => {
      const whole = holds(one.querySelector("summary").textContent.toLowerCase(), wanted);
      for (const item of items[place]) item.hidden = !(whole || holds(item.textContent.toLowerCase(), wanted));
      const left = items[place].filter(item => !item.hidden).length;
      one.hidden = wanted !== "" && left === 0;
      one.open = wanted ? left > 0 : first[place];
      shown += left;
    });
    filter.parentElement.querySelector("output").textContent = wanted ? `${shown} of ${items.flat().length} listed findings` : "";
  });
}

// --- on paper everything is open ---
let closed = [];
addEventListener("beforeprint", () => { closed = all("details:not([open])"); closed.forEach(one => { one.open = true; }); });
addEventListener("afterprint", () => closed.forEach(one => { one.open = false; }));
