// Files dropped on the live page: their upload, and the states that each goes through.
import { data, Problem, send } from "./page.js";

const AT_ONCE = 4;
const list = document.getElementById("uploads-list");
const box = document.getElementById("uploads");
const summary = document.getElementById("uploads-summary");
const template = document.getElementById("upload");

const items = new Map(); // by the image's id
const early = new Map(); // what the stream said before the upload's own answer came
const queue = [];
let running = 0;
let count = { all: 0, done: 0, problems: 0 };

/** A folder for each drop, as `scones drop` names it. */
function folderName() {
  const time = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const random = [...crypto.getRandomValues(new Uint8Array(2))].map((one) => one.toString(16).padStart(2, "0")).join("");
  return `drop-${time}-${random}`;
}

export function upload(files) {
  const folder = folderName();
  for (const { file, name } of files) {
    const item = template.content.firstElementChild.cloneNode(true);
    item.querySelector(".name").textContent = name;
    item.querySelector(".name").title = name;
    item.querySelector("progress").setAttribute("aria-label", `Upload of ${name}`);
    setState(item, "waiting");
    list.append(item);
    count.all += 1;
    queue.push({ file, name, folder, item });
  }
  box.hidden = items.size + queue.length === 0;
  next();
}

function next() {
  while (running < AT_ONCE && queue.length) {
    running += 1;
    one(queue.shift()).finally(() => {
      running -= 1;
      next();
    });
  }
  showSummary();
}

async function one({ file, name, folder, item }) {
  if (file.size > data.maxBytes) {
    return fail(item, `${(file.size / 1e6).toFixed(1)} MB: the stack's limit is ${(data.maxBytes / 1e6).toFixed(1)} MB`);
  }
  setState(item, "uploading");
  const bar = item.querySelector("progress");
  try {
    const query = new URLSearchParams({ folder, name });
    const image = await send(`/live/uploads?${query}`, file, (share) => (bar.value = share));
    bar.value = 1;
    items.set(image.id, item);
    setState(item, "uploaded, waits for its execution");
    if (early.has(image.id)) dropped(early.get(image.id));
  } catch (problem) {
    fail(item, problem instanceof Problem ? problem.message : "the file could not be read");
  }
}

/** What the stream says of an image: the state of the workflow it is in, or its outcome. */
export function dropped(change) {
  const item = items.get(change.id);
  if (!item) {
    early.set(change.id, change);
    return;
  }
  if (!change.row) {
    setState(item, change.state === "started" ? "in the workflow" : change.state);
    return;
  }
  const { outcome, label, reason } = change.row;
  const state = item.querySelector(".state");
  state.className = `state outcome is-${outcome}`;
  const waits = outcome === "review" ? "to review" : outcome;
  state.textContent = [waits, label ?? reason].filter(Boolean).join(" · ");
  finish(item);
}

/** An image that the gallery shows has its outcome, also where the stream was lost. */
export function endUpload(row) {
  if (items.has(row.id)) dropped({ id: row.id, row });
}

/** Whether an upload has no outcome yet. */
export function isUploading() {
  return count.done < count.all;
}

function fail(item, sentence) {
  item.classList.add("is-problem");
  setState(item, `not uploaded: ${sentence}`);
  count.problems += 1;
  finish(item);
}

function finish(item) {
  if (item.dataset.done) return;
  item.dataset.done = "yes";
  count.done += 1;
  showSummary();
}

function setState(item, text) {
  item.querySelector(".state").textContent = text;
}

function showSummary() {
  const { all, done, problems } = count;
  summary.textContent = `${done} of ${all} done${problems ? `, ${problems} not uploaded` : ""}`;
}

export function forgetUploads() {
  for (const item of [...list.children]) if (item.dataset.done) item.remove();
  box.hidden = !list.children.length;
  count = { all: list.children.length, done: 0, problems: 0 };
  showSummary();
}

/** All files of a drop, those in dropped folders too; hidden ones are left out. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, name: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) found.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}

const input = document.getElementById("files");
if (input) {
  input.addEventListener("change", () => {
    upload([...input.files].map((file) => ({ file, name: file.name })));
    input.value = "";
  });
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) document.body.classList.toggle("is-dragging", (depth += 1) > 0);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) document.body.classList.toggle("is-dragging", (depth = Math.max(0, depth - 1)) > 0);
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("is-dragging");
    upload(await filesOf(event.dataTransfer));
  });
}
