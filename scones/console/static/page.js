// What the scripts of all pages share: the page's data, requests, and what is said when AWS does not answer.

export const data = JSON.parse(document.getElementById("data")?.textContent ?? "null"); // none where the page broke off

// `main` is inert until now: a click that comes before the page's own script, which runs in the same task, would be lost.
document.getElementById("main").inert = false;

const csrf = document.querySelector("meta[name=csrf]").content;
const trouble = document.getElementById("trouble");

/** What a request failed with, as a sentence for a person; status 0 is a console that does not answer. */
export class Problem extends Error {
  constructor(sentence, status, content = {}) {
    super(sentence);
    this.status = status;
    this.content = content;
  }
}

/** Ask the console; returns its JSON, or throws a Problem. */
export async function ask(path, { method = "GET", content, signal } = {}) {
  const headers = { accept: "application/json", "x-csrf-token": csrf };
  if (content !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    const keepalive = method !== "GET"; // what is on its way when the page is left arrives
    response = await fetch(path, { method, headers, signal, keepalive, body: content === undefined ? undefined : JSON.stringify(content) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(stopped, 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(answer.problem ?? `the console answered ${response.status}`, response.status, answer);
  return answer;
}

/** Send a file, with its progress from 0 to 1; resolves to the console's JSON, or rejects with a Problem. */
export function send(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("x-csrf-token", csrf);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Problem(stopped, 0));
    request.onload = () => {
      const answer = request.response ?? {};
      if (request.status === 200) resolve(answer);
      else reject(new Problem(answer.problem ?? `the console answered ${request.status}`, request.status, answer));
    };
    request.send(file);
  });
}

const stopped = "the console does not answer: is `scones console` still running in its terminal?";

/** Show a sentence above the page; nothing hides it. */
export function showTrouble(sentence) {
  trouble.textContent = sentence ?? "";
  trouble.hidden = !sentence;
}

/** Whether the page hears from AWS: "live", "broken", or nothing. */
export function showPulse(kind, text) {
  const pulse = document.getElementById("pulse");
  pulse.className = kind ? `pulse is-${kind}` : "pulse";
  pulse.textContent = text ?? "";
}

let aheadMs = 0;

/** Follow AWS's clock, in epoch seconds: that of this machine may be an hour off. */
export function setClock(now) {
  aheadMs = now * 1000 - Date.now();
}

/** "12 s", "4 min", "3 h" or a date. */
export function ageOf(time) {
  const seconds = Math.max(0, Math.floor((Date.now() + aheadMs - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

/** A confidence with two decimals, never rounded up to what it is not: 0.996 is "0.99". */
export function confidenceText(confidence) {
  return confidence === null || confidence === undefined ? "" : (Math.floor(confidence * 100 + 1e-9) / 100).toFixed(2);
}
