// What a review page has decided so far: a row for each decision, and the numbers beside the picture.
import { confidenceText } from "./page.js";

const MOST_ROWS = 12;
const element = (id) => document.getElementById(id);
const counts = { decided: 0, agreed: 0, compared: 0, waiting: null, complete: true, started: 0 };

/** A row for a decision that is on its way. */
export function addRow(one, label, took) {
  const row = element("past-item").content.firstElementChild.cloneNode(true);
  row.querySelector("img").src = one.address.replace("size=full", "size=thumb");
  row.querySelector(".said").textContent = label.replace("_", " ");
  row.querySelector(".model").textContent = "…";
  row.title = one.name;
  element("past").prepend(row);
  element("past-empty").hidden = true;
  while (element("past").children.length > MOST_ROWS) element("past").lastElementChild.remove();
  counts.started ||= Date.now() - took;
  counts.decided += 1;
  if (counts.waiting) counts.waiting -= 1;
  showCounts();
  return row;
}

/** The decision is written; what the model had said is shown later. */
export function settleRow(row, one, answer) {
  row.classList.remove("is-waiting");
  const model = row.querySelector(".model");
  if (answer.decided === "gone") {
    row.classList.add("is-gone");
    row.querySelector(".said").textContent = "gone";
    model.textContent = answer.note;
    uncount();
    return;
  }
  row.dataset.written = one.id;
  model.textContent = "the model: in half a minute";
}

/** The console says what the model had said: the decision cannot be a slip of the finger any more. */
export function compareRow(row, label, answer) {
  const model = row.querySelector(".model");
  const said = `${answer.model.label ?? "nothing"} ${confidenceText(answer.model.confidence)}`.trim();
  if (label === "cannot_tell") model.textContent = `the model: ${said}`;
  else {
    counts.compared += 1;
    counts.agreed += answer.agrees ? 1 : 0;
    row.classList.add(answer.agrees ? "agrees" : "differs");
    model.textContent = answer.agrees ? `the model agrees: ${said}` : `the model said ${said}`;
  }
  showCounts();
}

/** The decision is not written yet. */
export function keepRow(row, known) {
  row.classList.add("is-waiting");
  row.querySelector(".model").textContent = `${known}; sent again until it is`;
}

/** The decision did not count, or was taken back. */
export function removeRow(row) {
  if (row.matches(".agrees, .differs")) counts.compared -= 1;
  if (row.classList.contains("agrees")) counts.agreed -= 1;
  row.dataset.removed = "";
  row.remove();
  uncount();
}

/** The newest decision that can be taken back, written or on its way. */
export function lastRow() {
  return element("past").querySelector("li:not(.is-gone)");
}

/** Whether a decision can be taken back now. */
export function hasWritten() {
  return element("past").querySelector("[data-written]") !== null;
}

/** What waits, by the newest count. */
export function setWaiting({ waiting, complete }) {
  Object.assign(counts, { waiting, complete });
  showCounts();
}

function uncount() {
  counts.decided -= 1;
  showCounts();
}

function showCounts() {
  element("decided").textContent = counts.decided.toLocaleString();
  const { waiting, complete } = counts;
  element("left").textContent = waiting === null ? "…" : `${waiting.toLocaleString()}${complete ? "" : "+"}`;
  const hours = (Date.now() - counts.started) / 3_600_000;
  element("pace").textContent = counts.decided > 2 ? Math.round(counts.decided / hours).toLocaleString() : "–";
  element("agreement").textContent = counts.compared ? `model agreed ${counts.agreed} of ${counts.compared}` : "";
}
