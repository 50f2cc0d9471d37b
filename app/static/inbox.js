// Keeps the inbox true while somebody reads and writes: the list and the open conversation are morphed, the answer is not.
import { keepLive, walk } from "./live.js";

const talk = document.getElementById("talk");
const words = document.getElementById("words");

const atEnd = () => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 40;
const parts = [...document.querySelectorAll("[data-source]")].map((element) => ({
  element,
  address: () => element.dataset.source,
  before: element === talk ? atEnd : undefined,
  after: (follows) => { if (follows) talk.scrollTop = talk.scrollHeight; },
}));

document.addEventListener("keydown", (event) => {
  if (event.target === words && event.key === "Enter" && (event.ctrlKey || event.metaKey)) words.form.requestSubmit();
  walk(event, "#list a.letter");
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
keepLive(parts);
