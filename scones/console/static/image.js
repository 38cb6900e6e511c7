// The Image page: what is read when it is asked for, running again, and following an image that has no outcome yet.
import { ask, data, showTrouble } from "./page.js";
import { element, showAges } from "./panels.js";

const LOOK_MS = 1500;

const uploaded = document.getElementById("uploaded");
uploaded?.addEventListener("error", () => sayInstead(uploaded, uploaded.src));

/** A picture that cannot be shown says why in its place. */
async function sayInstead(image, address) {
  let sentence = "no preview";
  try {
    await ask(address);
  } catch (problem) {
    sentence = problem.message;
  }
  image.replaceWith(element("p", "muted", sentence));
}

document.getElementById("show-model-view")?.addEventListener("click", async ({ target }) => {
  const image = document.getElementById("model-view");
  const text = document.getElementById("model-view-text");
  const address = target.dataset.address;
  text.textContent = "Serialize is asked for it …";
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error((await answer.json()).problem);
    image.src = URL.createObjectURL(await answer.blob());
    await image.decode();
    image.hidden = false;
    text.textContent = `as the model sees it: ${image.naturalWidth} × ${image.naturalHeight} pixels`;
  } catch (problem) {
    text.textContent = problem.message;
  }
});

let statesRead = null;

/** The states' data, read once for all of them. */
function readStates() {
  statesRead ??= ask(`/image/states?${data.query}`);
  statesRead.catch(() => (statesRead = null));
  return statesRead;
}

for (const [index, details] of [...document.querySelectorAll(".state-data")].entries()) {
  details.addEventListener("toggle", async () => {
    const place = details.querySelector(".state-text");
    if (!details.open || place.dataset.filled) return;
    try {
      const { states, complete } = await readStates();
      place.replaceChildren(...parts(states[index], complete));
      place.dataset.filled = "yes";
    } catch (problem) {
      place.textContent = problem.message;
    }
  });
}

function parts(state, complete) {
  if (!state) return [element("p", "", complete ? "The history does not have it yet." : "The history is too long to show it here.")];
  const shown = state.errors.map((error) => element("p", "error", error));
  if (!state.texts) return [...shown, element("p", "", "Input and output are shown when the image has its final outcome.")];
  for (const [title, text] of Object.entries(state.texts)) {
    shown.push(element("h3", "", title));
    const box = element("pre", "", text);
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", `${title} of ${state.state}`);
    shown.push(box);
  }
  return shown;
}

const log = document.getElementById("log");
log?.addEventListener("toggle", async () => {
  const place = document.getElementById("log-lines");
  if (!log.open || place.dataset.filled) return;
  try {
    const { lines } = await ask(`/image/log?${data.query}`);
    place.replaceChildren(...lines.map(logLine));
    if (lines.length) place.dataset.filled = "yes";
    else place.textContent = "No line names this execution: CloudWatch shows new ones after some seconds.";
  } catch (problem) {
    place.textContent = problem.message;
  }
});

function logLine(line) {
  const row = element("p", `log-line${["ERROR", "CRITICAL", "FATAL"].includes(line.level) ? " is-error" : ""}`);
  const time = new Date(line.at).toISOString().slice(11, 23);
  row.append(...[time, line.source, line.level, line.message].map((text) => element("span", "", text)));
  return row;
}

const again = document.getElementById("again");
again?.addEventListener("click", async () => {
  again.disabled = true;
  const note = document.getElementById("not-again");
  const named = new URLSearchParams(data.query);
  try {
    await ask("/image/again", { method: "POST", content: { key: named.get("key"), etag: named.get("etag") } });
    note.textContent = "started";
    follow();
  } catch (problem) {
    note.textContent = problem.message;
    again.disabled = false;
  }
});

const correct = document.getElementById("correct");
correct?.addEventListener("click", async ({ target }) => {
  if (target.dataset.label === undefined) return;
  const buttons = correct.querySelectorAll("button");
  const note = document.getElementById("not-corrected");
  const named = new URLSearchParams(data.query);
  for (const button of buttons) button.disabled = true;
  note.textContent = "writing …";
  try {
    const content = { key: named.get("key"), etag: named.get("etag"), label: target.dataset.label };
    const said = { ...content, now: data.now, took_ms: Math.round(performance.now()) };
    const answer = await ask("/image/correct", { method: "POST", content: said });
    note.textContent = answer.note ? `decided; the next sweep records it: ${answer.note}` : "decided";
    if (!answer.note) location.reload();
  } catch (problem) {
    note.textContent = problem.message;
    for (const button of buttons) button.disabled = false;
  }
});

/** Load the page again when something happened to the image. */
async function follow() {
  if (document.hidden) {
    document.addEventListener("visibilitychange", follow, { once: true });
    return;
  }
  try {
    const { now } = await ask(`/image/now?${data.query}`);
    showTrouble(null);
    if (now !== data.now) {
      location.reload();
      return;
    }
  } catch (problem) {
    showTrouble(problem.message);
  }
  setTimeout(follow, LOOK_MS);
}

showAges();
setInterval(showAges, 10_000);
if (data.is_changing) follow();
