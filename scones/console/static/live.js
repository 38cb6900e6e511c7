// The live page: the gallery, its filters, and what the stream says.
import { ageOf, ask, confidenceText, setClock, showPulse, showTrouble } from "./page.js";
import { dropped, endUpload, forgetUploads, isUploading } from "./uploads.js";

const gallery = document.getElementById("gallery");
const filters = document.getElementById("filters");
const more = document.getElementById("more");
const empty = document.getElementById("empty");
const emptyTitle = document.getElementById("empty-title");
const template = document.getElementById("card");
const MOST_CARDS = 600;
const AGAIN_MS = 2000;

const cards = new Map(); // by id
let after = null;
let loading = null;
let loadTimer = null;

function chosen() {
  const form = new FormData(filters);
  return { outcome: form.get("outcome"), label: form.get("label") };
}

function isChosen(row) {
  const { outcome, label } = chosen();
  return (!outcome || row.outcome === outcome) && (!label || row.label === label);
}

function fill(card, row) {
  const part = (name) => card.querySelector(name);
  part(".picture").href = row.page;
  const image = part("img");
  const instead = part(".no-picture");
  instead.textContent = row.thumb ? "" : (row.reason ?? "no preview");
  image.alt = row.thumb ? row.name : "";
  if (row.thumb) {
    image.onerror = () => explain(image, instead, row.thumb);
    image.src = row.thumb;
  } else image.removeAttribute("src");
  const outcome = part(".outcome");
  outcome.className = `outcome is-${row.outcome}`;
  outcome.textContent = row.outcome === "review" ? "to review" : row.outcome;
  part(".verdict").hidden = !row.label;
  part(".label").textContent = row.label ?? "";
  part(".confidence").textContent = confidenceText(row.confidence);
  part(".confidence").title = row.confidence === null ? "" : `The model's confidence: ${row.confidence}`;
  part(".name").textContent = row.name.split("/").at(-1) || row.name;
  part(".name").title = row.name;
  const time = part("time");
  time.dateTime = row.finished_at;
  time.title = new Date(row.finished_at).toLocaleString();
  time.textContent = ageOf(row.finished_at);
  card.dataset.at = row.finished_at;
}

/** An image that cannot be shown says why in its place. */
async function explain(image, instead, address) {
  image.removeAttribute("src");
  try {
    await ask(address);
    instead.textContent = "no preview";
  } catch (problem) {
    instead.textContent = problem.message;
  }
}

/** Put a row where its time belongs; a row that is there already is filled anew. */
function place(row, isNew) {
  let card = cards.get(row.id);
  if (card && card.dataset.at >= row.finished_at) return;
  if (!isChosen(row)) {
    card?.remove();
    cards.delete(row.id);
    return;
  }
  if (!card) {
    card = template.content.firstElementChild.cloneNode(true);
    cards.set(row.id, card);
    if (isNew) card.classList.add("is-new");
  }
  fill(card, row);
  let next = gallery.firstElementChild;
  if (isNew) while (next && (next === card || next.dataset.at > row.finished_at)) next = next.nextElementSibling;
  else next = null;
  gallery.insertBefore(card, next);
  card.dataset.id = row.id;
}

function trim() {
  if (cards.size <= MOST_CARDS) return;
  while (gallery.children.length > MOST_CARDS) {
    cards.delete(gallery.lastElementChild.dataset.id);
    gallery.lastElementChild.remove();
  }
  after = null; // the oldest shown is no longer the last that was read
  more.hidden = true;
}

function showEmpty() {
  const { outcome, label } = chosen();
  empty.hidden = cards.size > 0 || gallery.getAttribute("aria-busy") === "true";
  emptyTitle.textContent = outcome || label ? "No such image" : "No image yet";
}

async function load(isFirst) {
  loading?.abort();
  clearTimeout(loadTimer);
  loading = new AbortController();
  gallery.setAttribute("aria-busy", "true");
  const query = new URLSearchParams();
  const { outcome, label } = chosen();
  if (outcome) query.append("outcome", outcome);
  if (label) query.append("label", label);
  if (!isFirst && after) query.append("after", JSON.stringify(after));
  try {
    const page = await ask(`/live/rows?${query}`, { signal: loading.signal });
    setClock(page.now);
    if (isFirst) {
      gallery.replaceChildren();
      cards.clear();
    }
    for (const row of page.rows) {
      place(row, false);
      endUpload(row); // the stream may have been lost when it said so
    }
    after = page.after;
    more.hidden = !after;
    showTrouble(null);
    gallery.removeAttribute("aria-busy");
    showEmpty();
  } catch (problem) {
    if (problem.name === "AbortError") return;
    showTrouble(`${problem.message} (asking again)`);
    loadTimer = setTimeout(() => load(isFirst), AGAIN_MS);
  }
}

const spoken = document.getElementById("new-rows");
let unsaid = 0;

function say() {
  if (unsaid) spoken.textContent = `${unsaid} new ${unsaid === 1 ? "image" : "images"}`;
  unsaid = 0;
}

function show(row) {
  const isNew = !cards.has(row.id);
  place(row, true);
  if (isNew && cards.has(row.id)) unsaid += 1;
  trim();
  showEmpty();
}

let wasLost = false;
let stream = null;

function listen() {
  stream?.close();
  stream = new EventSource("/live/events");
  stream.addEventListener("hello", () => {
    showPulse("live", "live");
    if (wasLost) load(true); // what came in between
    wasLost = false;
  });
  stream.addEventListener("row", (event) => show(JSON.parse(event.data)));
  stream.addEventListener("dropped", (event) => {
    const change = JSON.parse(event.data);
    dropped(change);
    if (change.row) show(change.row);
  });
  stream.addEventListener("behind", () => load(true));
  stream.addEventListener("trouble", (event) => {
    showPulse("broken", "waiting");
    showTrouble(`${JSON.parse(event.data).sentence} (asking again)`);
  });
  stream.addEventListener("recovered", () => {
    showPulse("live", "live");
    load(true);
  });
  stream.onerror = () => {
    wasLost = true;
    showPulse("broken", "disconnected");
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || listen(), AGAIN_MS);
  };
}

// A browser has six connections to the console for all of its pages: one that is not shown must not keep one.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && !isUploading()) {
    stream.close();
    wasLost = true;
  } else if (!document.hidden && stream.readyState === EventSource.CLOSED) listen();
});

filters.addEventListener("change", () => load(true));
filters.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", () => load(false));
document.getElementById("uploads-clear").addEventListener("click", forgetUploads);
setInterval(() => {
  if (document.hidden) return;
  for (const time of gallery.querySelectorAll("time")) {
    const age = ageOf(time.dateTime);
    if (time.textContent !== age) time.textContent = age;
  }
}, 1000);
setInterval(say, 3000);
load(true);
listen();
