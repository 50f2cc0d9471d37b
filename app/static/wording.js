// What is typed shows beside it a moment later, and a press puts a fact where the writing is.
const form = document.getElementById("wording");
const preview = document.getElementById("preview");
const WAIT_MS = 350;
let waiting = 0;
let asked = null;
let writing = form.querySelector("textarea, input[name=subject]");

async function show() {
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), signal: asked.signal });
    if (answer.ok && !answer.redirected) preview.innerHTML = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") return; // no network: what was shown last stays, and Preview still works
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(show, WAIT_MS);
}

form.addEventListener("input", soon);
form.addEventListener("focusin", (event) => {
  if (!event.target.matches("textarea, input[name=subject]")) return;
  writing = event.target;
  const side = preview.parentElement; // scrolls by itself where it stands beside the form
  const part = preview.querySelector(`.seen-${writing.name}`);
  if (part && side.scrollHeight > side.clientHeight) side.scrollTop += part.getBoundingClientRect().top - side.getBoundingClientRect().top - 8;
});
for (const chip of form.querySelectorAll("[data-puts]")) {
  chip.addEventListener("click", () => {
    writing.focus();
    writing.setRangeText(chip.dataset.puts, writing.selectionStart, writing.selectionEnd, "end");
    soon();
  });
}
form.querySelector("[data-live]").hidden = false;
