// A page that could not be shown asks until it can.
import { ask } from "./page.js";

const sentence = document.getElementById("sentence");

async function look() {
  try {
    await ask("/health");
    location.reload();
    return;
  } catch (problem) {
    sentence.textContent = problem.message;
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);
