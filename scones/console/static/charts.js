// The threshold slider: the numbers are the server's, one row for each place of the slider.
import { data } from "./page.js";

const slider = document.getElementById("threshold");
const mark = document.querySelector(".wide .chart .mark");

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const count = (number) => number.toLocaleString("en");

function sentence(row) {
  const held = data.images - row.passes;
  const passes = `At ${row.threshold.toFixed(2)}, ${count(row.passes)} of ${count(data.images)} images pass (${percent(data.images ? row.passes / data.images : 0)}) and ${count(held)} are held back.`;
  if (!row.decided) return `${passes} Nobody has decided about an image with this confidence: how right they are is not known.`;
  return `${passes} Of those that pass, people decided about ${count(row.decided)}: the model was right about ${count(row.right)}, ${percent(row.right / row.decided)} (95 % interval ${percent(row.low)} to ${percent(row.high)}).`;
}

function show() {
  const row = data.rows[Math.round(slider.value * (data.rows.length - 1))];
  document.getElementById("threshold-value").textContent = row.threshold.toFixed(2);
  document.getElementById("threshold-says").textContent = sentence(row);
  const left = Number(mark.dataset.left);
  const x = left + slider.value * (Number(mark.dataset.right) - left);
  mark.setAttribute("x1", x);
  mark.setAttribute("x2", x);
}

slider.addEventListener("input", show);
document.getElementById("threshold-reset").addEventListener("click", () => {
  slider.value = data.live;
  show();
});
show();
