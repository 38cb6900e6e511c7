// Times as ages, commands that can be copied, and parts that are read when they are opened.
import { ageOf } from "./page.js";

/** Show each time as its age, with the time itself as a title. */
export function showAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    time.title = new Date(time.dateTime).toLocaleString();
    time.textContent = ageOf(time.dateTime);
  }
}

/** An element with a class and a text; texts are never read as HTML. */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
});
