// Keeps the inbox true while somebody reads and writes: the list and the open conversation are morphed, the answer is not.
import { fill, keepLive } from "./live.js";

const talk = document.getElementById("talk");
const words = document.getElementById("words");

function count(now) {
  for (const element of document.querySelectorAll("[data-due]")) {
    element.dataset.words ??= element.textContent;
    const minutes = Math.floor((Date.parse(element.dateTime) - now) / 60000);
    const over = minutes < 0;
    const text = Math.abs(minutes) > 120 ? element.dataset.words : fill(over ? element.dataset.over : element.dataset.left, { minutes: over ? -minutes : minutes + 1 });
    if (element.textContent !== text) element.textContent = text;
    element.classList.toggle("over", over);
  }
}

const atEnd = () => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 40;
const parts = [...document.querySelectorAll("[data-source]")].map((element) => ({
  element,
  address: () => element.dataset.source,
  before: element === talk ? atEnd : undefined,
  after: (follows) => { if (follows) talk.scrollTop = talk.scrollHeight; },
}));

document.addEventListener("keydown", (event) => {
  if (event.target === words && event.key === "Enter" && (event.ctrlKey || event.metaKey)) words.form.requestSubmit();
  if (event.target.closest("input, select, textarea") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const letters = [...document.querySelectorAll("#list a.letter")].filter((link) => link.checkVisibility());
  const here = letters.indexOf(document.activeElement.closest("a.letter"));
  const at = here < 0 ? letters.findIndex((link) => link.hasAttribute("aria-current")) : here;
  const next = letters[at + (event.key === "ArrowDown" ? 1 : -1)] ?? (at < 0 ? letters[0] : null);
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// What was typed for one customer never ends up with another, and survives a look elsewhere.
if (words) {
  const kept = `answer:${location.pathname}`;
  words.value ||= sessionStorage.getItem(kept) ?? "";
  words.addEventListener("input", () => sessionStorage.setItem(kept, words.value));
  words.form.addEventListener("submit", () => {
    sessionStorage.removeItem(kept);
    words.form.querySelector("button").disabled = true;
  });
}
if (talk) talk.scrollTop = talk.scrollHeight;
document.querySelector("#list [aria-current]")?.scrollIntoView({ block: "nearest" });
keepLive(parts, count);
