// As much of a browser's page as gallery.js uses; built from the controls that the page has.
"use strict";
function made(name) {
  const node = { tag: name, children: [], listeners: {}, dataset: {}, disabled: false, textContent: "", className: "" };
  node.append = (...more) => node.children.push(...more);
  node.replaceChildren = (...more) => { node.children = more; };
  node.addEventListener = (kind, listener) => { node.listeners[kind] = listener; };
  node.dispatchEvent = (event) => node.listeners[event.type] && node.listeners[event.type](event);
  node.querySelector = () => (node.children.length ? node.children[0].children[0] : null);
  node.querySelectorAll = () => node.children.map((child) => child.children[0]);
  node.focus = () => { document.activeElement = node; };
  node.matches = () => "value" in node;
  node.select = () => {};
  return node;
}
var ids = {}, controls = {};
const form = made("form");
form.elements = controls;
var document = { getElementById: (id) => ids[id], querySelector: () => form, createElement: made, activeElement: null };
var location = { hash: "" };
var history = { replaceState: (_state, _title, hash) => { location.hash = hash; } };
var pressed = {};
var addEventListener = (kind, listener) => { pressed[kind] = listener; };
var scrollTo = () => {};
var getComputedStyle = () => ({ gridTemplateColumns: "1fr 1fr" });
var Event = function (type) { this.type = type; };
var URLSearchParams = function (given) {
  const values = {};
  if (typeof given === "string") {
    for (const each of given.split("&").filter(Boolean)) {
      const place = each.indexOf("=");
      values[each.slice(0, place)] = decodeURIComponent(each.slice(place + 1));
    }
  } else Object.assign(values, given);
  this.has = (name) => name in values;
  this.get = (name) => (name in values ? values[name] : null);
  this.toString = () => Object.keys(values).map((name) => `${name}=${encodeURIComponent(values[name])}`).join("&");
};
if (!Object.fromEntries) {
  Object.fromEntries = (pairs) => pairs.reduce((all, pair) => { all[pair[0]] = pair[1]; return all; }, {});
}

function load(data, names, hash) {
  for (const id of ["cards", "previous", "next", "count"]) ids[id] = made(id);
  ids.data = { textContent: data };
  for (const name of names.split(" ")) {
    controls[name] = made("input");
    controls[name].value = name === "sort" ? "doubt" : "";
  }
  location.hash = hash;
}
function type(name, value) {
  controls[name].value = value;
  controls[name].dispatchEvent(new Event("input"));
}
function press(key, target) {
  pressed.keydown({ key, target: target || made("body"), preventDefault: () => {} });
}
function shown() {
  return ids.cards.children.map((item) => item.children[0].children[1].textContent).join(" ");
}
