// Keeps parts of a page true without disturbing whoever reads them: what is new is morphed in, a lost connection is said.
// A change anywhere is on every screen within two seconds: whether there is one is asked every second.
const EVERY_MS = 1000;

export const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

// Deadlines ([data-due]) in words: how long they are away or over; one that is far away stays the time it is.
export function countDown(now) {
  for (const element of document.querySelectorAll("[data-due]")) {
    element.dataset.words ??= element.textContent;
    const left = (Date.parse(element.dateTime) - now) / 60000;
    const minutes = Math.ceil(Math.abs(left));
    const promise = element.dataset.words.replace(/^\D*(?=\d)/, "");
    const text = minutes > 120 ? element.dataset.words : fill(left < 0 ? element.dataset.over : element.dataset.left, { promise, minutes });
    if (element.textContent !== text) element.textContent = text;
    element.classList.toggle("over", left < 0);
  }
}

// The arrows lead up and down a list of links, from the one in focus or the one that is open.
export function walk(event, links) {
  if (event.target.closest("input, select, textarea, .menu") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const all = [...document.querySelectorAll(links)].filter((link) => link.checkVisibility());
  const focused = all.indexOf(document.activeElement.closest(links));
  const at = focused < 0 ? all.findIndex((link) => link.hasAttribute("aria-current")) : focused;
  const next = all[at + (event.key === "ArrowDown" ? 1 : -1)] ?? (at < 0 ? all[0] : null);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

// parts: [{ element, address(), before(), after(what before said) }]; deadlines are counted down.
// Returns { refresh(), lost() }: look now; say that the server does not answer.
export function keepLive(parts) {
  const said = document.getElementById("live");
  const etags = new Map();
  let aheadMs = Date.parse(document.getElementById("main").dataset.now) - Date.now();
  let shownAt = said.textContent;
  let timer = null;
  let refreshing = false;
  const now = () => Date.now() + aheadMs;

  function say(state, text) {
    said.className = `live ${state}`;
    if (said.textContent !== text) said.textContent = text;
  }
  const lost = () => say("lost", fill(said.dataset.lost, { time: shownAt }));

  async function load({ element, address, before, after }) {
    const etag = etags.get(element);
    const reply = await fetch(address(), {
      headers: etag ? { "If-None-Match": etag } : {},
      redirect: "manual",
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (reply.type === "opaqueredirect" || reply.status === 403 || reply.status === 404) {
      location.reload();
      return;
    }
    if (reply.status !== 304 && !reply.ok) throw new Error(String(reply.status));
    const at = reply.headers.get("X-Now");
    if (at) aheadMs = Date.parse(at) - Date.now();
    etags.set(element, reply.headers.get("ETag"));
    if (!reply.ok) return;
    const page = await reply.text();
    const was = before?.();
    const focused = element.contains(document.activeElement) ? document.activeElement.closest("[id]") : null;
    const path = focused && document.activeElement !== focused ? document.activeElement.getAttribute("href") : null;
    Idiomorph.morph(element, page, {
      morphStyle: "innerHTML",
      callbacks: { beforeAttributeUpdated: (name, node) => !(name === "open" && node.matches("details")) },
    });
    // Who was on something that stands elsewhere now is still on it.
    if (focused && document.activeElement === document.body) {
      const there = document.getElementById(focused.id);
      (path ? there?.querySelector(`[href="${CSS.escape(path)}"]`) : there)?.focus({ preventScroll: true });
    }
    after?.(was);
  }

  async function refresh() {
    if (refreshing) return;
    refreshing = true;
    clearTimeout(timer);
    try {
      await Promise.all(parts.map(load));
      shownAt = new Date(now()).toLocaleTimeString("ja-JP", { timeZone: said.dataset.zone });
      say("on", fill(said.dataset.live, { time: shownAt }));
      countDown(now());
    } catch {
      lost();
    } finally {
      refreshing = false;
      timer = setTimeout(refresh, document.hidden ? 60000 : EVERY_MS);
    }
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  window.addEventListener("online", refresh);
  window.addEventListener("offline", lost);
  countDown(now());
  refresh();
  return { refresh, lost };
}
