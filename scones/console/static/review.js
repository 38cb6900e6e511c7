// The review page: one picture after the other, the next ones loaded already; a decision is sent while the next is shown.
import { ageOf, ask, data, Problem, setClock, showPulse, showTrouble } from "./page.js";
import { addRow, compareRow, hasWritten, keepRow, lastRow, removeRow, setWaiting, settleRow } from "./past_decisions.js";

const AHEAD = 3;
const RENEW_MS = 120_000;
const COUNT_MS = 15_000;
const AGAIN_MS = 3000;
const EMPTY_MS = 3000;

const element = (id) => document.getElementById(id);
const stage = element("stage");
const note = element("note");
const page = crypto.randomUUID();
const isReadOnly = element("skip").disabled;

/** Images held by this page: the first is shown. Each has its picture, which loads from the start. */
const held = [];
const unsent = new Map(); // decisions that are on their way or have to be sent again, by the image's id
let current = null;
let shownAt = 0;
let waiting = 0; // images in the queue when they were last counted
let isTaking = false;
let isUndoing = false;
let isZoomed = false;
let takeTimer = null;

const post = (path, content = {}) => ask(`/review/${path}`, { method: "POST", content: { page, ...content } });

function say(text, isProblem = false) {
  note.textContent = text;
  note.classList.toggle("is-problem", isProblem);
}

// Taking and showing.

function hold(image, first = false) {
  const picture = new Image();
  picture.alt = "The picture to decide about";
  picture.decoding = "async";
  picture.src = image.picture;
  const one = { ...image, picture, address: image.picture, isReady: false, problem: null, burst: [] };
  load(one);
  if (first) held.unshift(one);
  else held.push(one);
  return one;
}

function load(one) {
  const { picture } = one;
  one.loaded = picture.decode().then(
    () => {
      one.isReady = true;
      picture.classList.toggle("is-small", picture.naturalWidth < 200 && picture.naturalHeight < 200);
      if (!one.problem) return;
      one.problem = null;
      if (current === one) showCurrent();
    },
    () => whyNotShown(one),
  );
}

/** A picture that does not load: the image is gone, and leaves the queue, its file cannot be shown, or AWS did not answer. */
async function whyNotShown(one) {
  try {
    await ask(one.address);
    one.problem = "The picture did not load. It is asked for again.";
    loadAgain(one);
  } catch (problem) {
    one.problem = problem.message;
    if (problem.status === 410) await takeOut(one);
    else if (problem.status === 422) one.isReady = true; // a person may say "cannot tell"
    else loadAgain(one);
  }
  if (current === one) showCurrent();
}

function loadAgain(one) {
  setTimeout(() => {
    if (!held.includes(one)) return;
    one.picture.src = one.address;
    load(one);
  }, AGAIN_MS);
}

async function takeOut(one) {
  try {
    const answer = await post("gone", { id: one.id });
    if (answer.decided !== "gone") return;
    say(`${one.name}: ${answer.note}`);
    drop(one);
  } catch (problem) {
    if (problem.content?.kind === "lost") drop(one);
    else loadAgain(one);
  }
}

function drop(one) {
  const place = held.indexOf(one);
  if (place >= 0) held.splice(place, 1);
  letWait(one.burst);
  if (current === one) next();
  else take();
}

async function take() {
  clearTimeout(takeTimer);
  if (isTaking || isReadOnly || held.length > AHEAD) return;
  isTaking = true;
  let wait = 0;
  try {
    const answer = await post("take", { images: AHEAD + 1 - held.length });
    setClock(answer.now);
    for (const image of answer.images) if (!unsent.has(image.id)) hold(image);
    if (answer.images.length === 0) wait = EMPTY_MS;
    endTrouble();
    showPulse("live", "connected");
  } catch (problem) {
    showTrouble(`${problem.message} (asking again)`);
    showPulse("broken", "waiting");
    wait = AGAIN_MS;
  }
  isTaking = false;
  if (!current) next();
  if (wait) takeTimer = setTimeout(take, wait);
  else if (held.length <= AHEAD) take();
}

function next() {
  current = held[0] ?? null;
  zoom(false);
  showCurrent();
  take();
}

function showCurrent() {
  for (const button of document.querySelectorAll(".choice")) {
    button.classList.remove("is-chosen");
    button.disabled = isReadOnly || !current;
  }
  element("skip").disabled = element("alike").disabled = isReadOnly || !current;
  showBurst();
  element("caption-name").textContent = current?.name ?? "";
  element("caption-arrived").textContent = current ? `arrived ${ageOf(current.arrived)}` : "";
  if (!current) {
    if (isReadOnly) showMessage("Read-only", "This console was started with --read-only: it takes no images and writes no decisions.");
    else if (isTaking) showMessage("Loading", "The oldest images that wait are on their way.");
    else if (waiting > 0) showMessage("Nothing left for this page", "What waits is held by other reviewers, or was skipped here. What others hold comes here when their hold ends: after ten minutes at most, if nobody decides.");
    else showMessage("Nothing waits for a person", "Images that the model is not sure about appear here as they arrive.");
    return;
  }
  if (current.problem) {
    showMessage(current.isReady ? "This file cannot be shown" : "The picture is not here yet", current.problem);
    shownAt = performance.now();
    return;
  }
  const one = current;
  stage.replaceChildren(one.picture);
  shownAt = one.isReady ? performance.now() : 0;
  if (!one.isReady) {
    stage.setAttribute("aria-busy", "true");
    one.loaded.then(() => {
      if (current === one && !one.problem) shownAt = performance.now();
      stage.removeAttribute("aria-busy");
    });
  }
}

function showMessage(title, text) {
  const message = document.createElement("div");
  message.className = "message";
  const head = document.createElement("h2");
  const body = document.createElement("p");
  head.textContent = title;
  body.textContent = text;
  message.append(head, body);
  stage.replaceChildren(message);
}

// Deciding.

function decide(label) {
  const one = current;
  if (!one || !one.isReady || !shownAt || isReadOnly) return; // nobody decides about what they have not seen
  const took = Math.round(performance.now() - shownAt);
  for (const image of [...one.burst, one]) write(image, label, took);
  next();
  say("");
}

function write(one, label, took) {
  const decision = { one, label, took, row: addRow(one, label, took) };
  const place = held.findIndex((other) => other.id === one.id);
  if (place >= 0) held.splice(place, 1);
  unsent.set(one.id, decision);
  waiting -= 1;
  decision.answer = send(decision);
}

/** Find the images that look like the one shown and arrived with it: one decision is made for all of them. */
async function findAlike() {
  const one = current;
  if (!one || isReadOnly) return;
  if (one.burst.length) {
    letWait(one.burst);
    one.burst = [];
    showBurst();
    return;
  }
  say("Looking for images of the same moment …");
  try {
    const { images } = await post("burst", { id: one.id });
    if (current !== one) {
      letWait(images);
      return;
    }
    one.burst = images.map((image) => ({ ...image, address: image.picture, burst: [] }));
    showBurst();
    say(images.length ? "" : "No other image of the same moment looks like this one.");
  } catch (problem) {
    say(problem.message, true);
  }
}

/** Give back what was held for a burst only; it comes again in its turn. */
function letWait(burst) {
  const apart = burst.filter((other) => !held.some((mine) => mine.id === other.id));
  for (const other of apart) post("release", { id: other.id }).catch(() => {});
}

function showBurst() {
  const burst = current?.burst ?? [];
  element("burst").hidden = burst.length === 0;
  element("alike").setAttribute("aria-pressed", String(burst.length > 0));
  element("burst").querySelector("p").textContent = `One decision for this one and ${burst.length} alike`;
  const pictures = burst.map((one) => {
    const item = document.createElement("li");
    const picture = new Image();
    picture.src = one.address.replace("size=full", "size=thumb");
    picture.alt = one.name;
    item.append(picture);
    return item;
  });
  element("burst").querySelector("ol").replaceChildren(...pictures);
}

async function send(decision) {
  const { one, label, took, row } = decision;
  try {
    const answer = await post("decide", { id: one.id, label, took_ms: took });
    unsent.delete(one.id);
    settle(decision, answer);
    endTrouble();
  } catch (problem) {
    if (problem.content?.kind === "lost" || problem.content?.kind === "refused") {
      unsent.delete(one.id);
      removeRow(row);
      say(`Not counted: ${problem.message}`, true);
      return;
    }
    decision.isTriedAgain = true;
    const known = problem.content?.kind === "unknown" ? "not known to be written" : "not written yet";
    keepRow(row, known);
    showTrouble(`Your decision “${label}” about ${one.name} is ${known}: ${problem.message}. It is kept on this page and sent again.`);
    decision.timer = setTimeout(() => send(decision), AGAIN_MS);
  }
}

/** Clear the line about trouble, unless a decision that was not written is kept on this page. */
function endTrouble() {
  if (![...unsent.values()].some((decision) => decision.isTriedAgain)) showTrouble(null);
}

function settle({ one, label, row }, answer) {
  settleRow(row, one, answer);
  if (answer.decided !== "gone") tellLater(one, label, row, answer.verdict_in_s);
  element("undo").disabled = !hasWritten();
  if (answer.decided === "gone") say(`${one.name}: ${answer.note}`);
  else if (answer.note) say(`Written. It is recorded by the next sweep: ${answer.note}`);
}

/** Ask what the model had said, once the console tells it, unless the decision was taken back. */
function tellLater(one, label, row, seconds) {
  setTimeout(async () => {
    if ("removed" in row.dataset) return;
    try {
      const answer = await post("verdict", { id: one.id });
      if ("removed" in row.dataset) return;
      if (answer.model) compareRow(row, label, answer);
      else tellLater(one, label, row, answer.in_s);
    } catch (problem) {
      if (problem.content?.kind !== "refused") tellLater(one, label, row, AGAIN_MS / 1000);
    }
  }, 1000 * seconds + 100);
}

function skip() {
  const one = current;
  if (!one || isReadOnly) return;
  for (const image of [one, ...one.burst]) {
    const place = held.findIndex((other) => other.id === image.id);
    if (place >= 0) held.splice(place, 1);
    post("skip", { id: image.id }).catch((problem) => problem.content?.kind === "lost" || showTrouble(problem.message));
  }
  next();
  say("Skipped: others can take it.");
}

async function undo() {
  if (isUndoing || isReadOnly) return;
  const row = lastRow();
  if (!row) return;
  isUndoing = true;
  element("undo").disabled = true;
  say("Taking the last decision back …");
  try {
    await Promise.all([...unsent.values()].map((decision) => decision.answer));
    if (!row.dataset.written) throw new Problem("The last decision is not written: it can be undone as soon as it is.");
    const answer = await post("undo", { id: row.dataset.written });
    removeRow(row);
    if (answer.image) {
      current = hold(answer.image, true);
      zoom(false);
      showCurrent();
      say(`Undone: it was “${answer.was.replace("_", " ")}”.`);
    } else say("Undone. The image waits in the queue again.");
  } catch (problem) {
    say(problem.message, true);
  }
  isUndoing = false;
  element("undo").disabled = !hasWritten();
}

function zoom(on) {
  isZoomed = on;
  stage.classList.toggle("is-zoomed", on);
  element("zoom").setAttribute("aria-pressed", String(on));
  if (!on) return;
  stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
  stage.scrollTop = (stage.scrollHeight - stage.clientHeight) / 2;
  stage.focus();
}

// What waits, and what is held.

async function count() {
  if (isReadOnly) return;
  try {
    const found = await post("count");
    waiting = found.waiting;
    setWaiting(found);
    if (!current) showCurrent();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  }
}

async function renew() {
  if (!held.length) return;
  try {
    const { lost } = await post("renew");
    for (const one of [...held]) {
      if (!(one.id in lost)) continue;
      say(lost[one.id], true);
      drop(one);
    }
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  }
}

// Keys and buttons.

const actions = { a: findAlike, s: skip, u: undo, z: () => current && zoom(!isZoomed) };

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) return;
  const key = event.key.toLowerCase();
  const label = Object.hasOwn(data.keys, key) ? data.keys[key] : null;
  if (label !== null) decide(label);
  else if (Object.hasOwn(actions, key)) actions[key]();
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll(".choice")) button.addEventListener("click", () => decide(button.dataset.label));
for (const [id, action] of [["skip", skip], ["alike", findAlike], ["undo", undo], ["zoom", actions.z]]) element(id).addEventListener("click", action);

let grabbed = null;
stage.addEventListener("pointerdown", (event) => {
  if (!isZoomed || event.pointerType !== "mouse") return;
  grabbed = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
  event.preventDefault();
});
addEventListener("pointermove", (event) => {
  if (grabbed) stage.scrollTo(grabbed.x - event.clientX, grabbed.y - event.clientY);
});
addEventListener("pointerup", () => (grabbed = null));

addEventListener("beforeunload", (event) => {
  if ([...unsent.values()].some((one) => one.isTriedAgain)) event.preventDefault();
});
addEventListener("pagehide", () => {
  // What is on its way is sent; what this page holds, others may have.
  const token = document.querySelector("meta[name=csrf]").content;
  const headers = { "content-type": "application/json", "x-csrf-token": token };
  fetch("/review/leave", { method: "POST", headers, body: JSON.stringify({ page }), keepalive: true }).catch(() => {});
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
document.addEventListener("visibilitychange", () => document.hidden || renew());

setInterval(renew, RENEW_MS);
setInterval(count, COUNT_MS);
isTaking = true;
showCurrent();
isTaking = false;
if (isReadOnly) showCurrent();
take();
count();
