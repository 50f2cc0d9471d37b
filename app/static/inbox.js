// Keeps the inbox true while somebody reads and writes: the list and the open conversation are morphed, the answer is not.
const live = document.getElementById("live");
const parts = [...document.querySelectorAll("[data-source]")].map((element) => ({ element, etag: null }));
const talk = document.getElementById("talk");
const words = document.getElementById("words");
const EVERY_MS = 4000;
let clockAheadMs = Date.parse(document.getElementById("main").dataset.now) - Date.now();
let shownAt = live.textContent;
let timer = null;
let refreshing = false;

const now = () => Date.now() + clockAheadMs;
const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

function count() {
  for (const element of document.querySelectorAll("[data-due]")) {
    element.dataset.words ??= element.textContent;
    const minutes = Math.floor((Date.parse(element.dateTime) - now()) / 60000);
    const over = minutes < 0;
    const text = Math.abs(minutes) > 120 ? element.dataset.words : fill(over ? element.dataset.over : element.dataset.left, { minutes: over ? -minutes : minutes + 1 });
    if (element.textContent !== text) element.textContent = text;
    element.classList.toggle("over", over);
  }
}

function say(state, text) {
  live.className = `live ${state}`;
  if (live.textContent !== text) live.textContent = text;
}

const atEnd = () => talk && talk.scrollHeight - talk.scrollTop - talk.clientHeight < 40;

async function load(part) {
  const reply = await fetch(part.element.dataset.source, {
    headers: part.etag ? { "If-None-Match": part.etag } : {},
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(10000),
  });
  if (reply.type === "opaqueredirect" || reply.status === 403 || reply.status === 404) {
    location.reload();
    return;
  }
  if (reply.status !== 304 && !reply.ok) throw new Error(String(reply.status));
  const said = reply.headers.get("X-Now");
  if (said) clockAheadMs = Date.parse(said) - Date.now();
  if (!reply.ok) return;
  part.etag = reply.headers.get("ETag");
  const follows = part.element === talk && atEnd();
  Idiomorph.morph(part.element, await reply.text(), {
    morphStyle: "innerHTML",
    callbacks: { beforeAttributeUpdated: (name, node) => !(name === "open" && node.matches("details")) },
  });
  if (follows) talk.scrollTop = talk.scrollHeight;
}

async function refresh() {
  if (refreshing) return;
  refreshing = true;
  clearTimeout(timer);
  try {
    await Promise.all(parts.map(load));
    shownAt = new Date(now()).toLocaleTimeString("ja-JP", { timeZone: live.dataset.zone });
    say("on", fill(live.dataset.live, { time: shownAt }));
    count();
  } catch {
    say("lost", fill(live.dataset.lost, { time: shownAt }));
  } finally {
    refreshing = false;
    timer = setTimeout(refresh, document.hidden ? EVERY_MS * 15 : EVERY_MS);
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
window.addEventListener("online", refresh);
window.addEventListener("offline", () => say("lost", fill(live.dataset.lost, { time: shownAt })));

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
count();
refresh();
