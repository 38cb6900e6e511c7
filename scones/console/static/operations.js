// The Operations page: what is started here runs in the console; the page follows it.
import { ask, data, showTrouble } from "./page.js";
import { element, showAges } from "./panels.js";

const LOOK_MS = 1000;
let isFollowing = false;

function show(job) {
  const place = document.getElementById(`job-${job.kind}`);
  const parts = [element("p", "muted", job.command)];
  if (job.running) {
    const how = job.found ? `${job.done} of ${job.found} images have ended` : "it has just started";
    parts.push(element("p", "", `Running: ${how}. It continues while the console runs, also without this page.`));
  } else if (job.problem) parts.push(element("p", "problem", job.problem));
  else parts.push(element("p", "", job.summary));
  for (const note of job.notes) parts.push(element("p", "muted", note));
  if (job.rows.length) parts.push(table(job));
  place.replaceChildren(...parts);
  for (const button of document.querySelectorAll(`#${job.kind} button:not([aria-describedby])`)) button.disabled = job.running;
}

function table(job) {
  const box = element("div", "job-rows");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `Images of the ${job.kind}`);
  const rows = element("table", "rows");
  const head = rows.createTHead().insertRow();
  for (const title of ["Image", "What", "Why"]) head.append(element("th", "", title));
  const body = rows.createTBody();
  for (const [key, what, why] of job.rows) {
    const row = body.insertRow();
    const link = element("a", "", key.startsWith(data.prefix) ? key.slice(data.prefix.length) : key);
    link.href = `/image?${new URLSearchParams({ key })}`;
    row.insertCell().append(link);
    row.append(element("td", "what", what), element("td", "", why));
  }
  box.append(rows);
  return box;
}

async function follow() {
  if (isFollowing) return;
  isFollowing = true;
  for (let isRunning = true; isRunning; ) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    try {
      const { jobs } = await ask("/operations/jobs");
      showTrouble(null);
      jobs.forEach(show);
      isRunning = jobs.some((job) => job.running);
    } catch (problem) {
      showTrouble(problem.message);
    }
  }
  isFollowing = false;
}

async function start(kind, content) {
  try {
    show(await ask(`/operations/${kind}`, { method: "POST", content }));
    follow();
  } catch (problem) {
    document.getElementById(`job-${kind}`).replaceChildren(element("p", "problem", problem.message));
  }
}

for (const kind of ["sweep", "redrive"]) {
  document.getElementById(kind)?.addEventListener("submit", (event) => {
    event.preventDefault();
    const limit = document.getElementById("redrive-limit").value;
    const more = kind === "redrive" && limit ? { limit: Number(limit) } : {};
    start(kind, { dry_run: event.submitter?.name === "dry_run", ...more });
  });
}

const form = document.getElementById("threshold");
const value = document.getElementById("threshold-value");

async function change(content) {
  const note = document.getElementById("threshold-note");
  try {
    const { text } = await ask("/operations/threshold", { method: "POST", content });
    note.textContent = `${text} counts within 30 s.`;
  } catch (problem) {
    note.textContent = problem.message;
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  change({ value: value.value });
});
document.getElementById("threshold-reset")?.addEventListener("click", () => change({}));
value?.addEventListener("input", () => {
  const command = `scones threshold ${value.value || "VALUE"}${data.options}`;
  document.getElementById("threshold-command").textContent = command;
  document.getElementById("threshold-copy").dataset.copy = command;
});

data.jobs.forEach(show);
if (data.jobs.some((job) => job.running)) follow();
showAges();
setInterval(showAges, 10_000);
