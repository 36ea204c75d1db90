"use strict";
// Shows rows of the data block as cards, a page of them at a time. Text goes in as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const { rows, words, cautions, pageSize } = data;
const form = document.querySelector("form");
const cards = document.getElementById("cards");
const previous = document.getElementById("previous");
const next = document.getElementById("next");
const fields = ["text", "status", "kind", "caution", "sort"];
let page = 0;
let found = [];

for (const row of rows) {
  const said = [row.name, row.folder, row.said, row.kind, ...row.cautions.map((place) => cautions[place].text)];
  row.searched = said.join("\n").toLowerCase();
}

const first = (a, b) => a.number - b.number;
const without = (row) => row.confidence === null;
// Results that say nothing of their confidence come behind the others, then what has no result.
const ranks = { done: 0, refused: 2, failed: 3, waiting: 4 };
const rank = (row) => ranks[row.status] || Number(without(row));
const orders = {
  doubt: (a, b) => rank(a) - rank(b) || (without(a) ? 0 : a.confidence - b.confidence) || first(a, b),
  sure: (a, b) => without(a) - without(b) || (without(a) ? 0 : b.confidence - a.confidence) || first(a, b),
  cautions: (a, b) => b.cautions.length - a.cautions.length || first(a, b),
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : first(a, b)),
  number: first,
};

const number = (value) => value.toLocaleString("en-GB");

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

function link(text, target, name) {
  const made = element("a", name, text);
  if (target) made.href = target;
  return made;
}

function card(row) {
  const item = element("li", row.status);
  const main = link("", row.links.length ? row.links[0].target : "", "main");
  main.tabIndex = 0;
  const frame = element("div", row.picture ? "frame" : "frame bare", row.picture ? "" : words.noPicture);
  if (row.picture) {
    const picture = element("img");
    picture.loading = "lazy";
    picture.alt = "";
    picture.src = row.picture;
    frame.append(picture);
  }
  const name = element("span", "name", row.name);
  name.dir = "auto";
  name.dataset.status = words.statuses[row.status];
  main.append(frame, name);
  const sure = without(row) ? "" : `${words.confidence} ${row.confidence.toFixed(2)}`;
  const about = [row.kind, sure].filter(Boolean).join(" · ");
  item.append(main, element("p", "about", about), element("p", "", row.said));
  for (const place of row.cautions) item.append(element("p", "cautions", cautions[place].text));
  const links = element("p", "links");
  for (const one of row.links) links.append(link(one.name, one.target));
  item.append(links);
  return item;
}

function wanted() {
  return Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
}

function fits(row, { text, status, kind, caution }) {
  return (
    (!status || row.status === status) &&
    (!kind || row.kind === kind) &&
    (!caution || (caution === "none" ? !row.cautions.length : row.cautions.some((place) => cautions[place].code === caution))) &&
    text.toLowerCase().split(/\s+/).every((word) => row.searched.includes(word))
  );
}

function show() {
  const pages = Math.max(1, Math.ceil(found.length / pageSize));
  page = Math.min(Math.max(page, 0), pages - 1);
  cards.replaceChildren(...found.slice(page * pageSize, (page + 1) * pageSize).map(card));
  previous.disabled = page === 0;
  next.disabled = page === pages - 1;
  const told = words.count.replace("{shown}", number(found.length)).replace("{total}", number(rows.length));
  document.getElementById("count").textContent =
    told + " · " + words.page.replace("{page}", number(page + 1)).replace("{pages}", number(pages));
  history.replaceState(null, "", "#" + new URLSearchParams(Object.assign(wanted(), { page })));
}

function choose() {
  const chosen = wanted();
  found = rows.filter((row) => fits(row, chosen)).sort(orders[chosen.sort]);
}

function leaf(step) {
  const before = page;
  page += step;
  show();
  if (page !== before) scrollTo(0, 0);
  const link = cards.querySelector("a.main");
  if (page !== before && link) link.focus({ preventScroll: true });
}

function columns() {
  return getComputedStyle(cards).gridTemplateColumns.split(" ").length;
}

function move(event) {
  const all = [...cards.querySelectorAll("a.main")];
  const place = all.indexOf(document.activeElement);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  let goal = null;
  if (place >= 0 && event.key in steps) goal = Math.min(Math.max(place + steps[event.key], 0), all.length - 1);
  else if (place >= 0 && event.key === "Home") goal = 0;
  else if (place >= 0 && event.key === "End") goal = all.length - 1;
  if (goal === null) return;
  event.preventDefault();
  all[goal].focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.matches("input, select");
  if (event.key === "Escape" && event.target === form.elements.text) {
    form.elements.text.value = "";
    form.elements.text.dispatchEvent(new Event("input"));
  } else if (typing) return;
  else if (event.key === "/") {
    event.preventDefault();
    form.elements.text.select();
    form.elements.text.focus();
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    event.preventDefault();
    leaf(event.key === "PageDown" ? 1 : -1);
  } else move(event);
});

form.addEventListener("submit", (event) => event.preventDefault());
for (const name of fields) {
  form.elements[name].addEventListener("input", () => {
    page = 0;
    choose();
    show();
  });
}
previous.addEventListener("click", () => leaf(-1));
next.addEventListener("click", () => leaf(1));

const kept = new URLSearchParams(location.hash.slice(1));
for (const name of fields) {
  if (!kept.has(name)) continue;
  form.elements[name].value = kept.get(name);
  if (form.elements[name].selectedIndex === -1) form.elements[name].selectedIndex = 0;
}
page = Number(kept.get("page")) || 0;
choose();
show();
