// Keeps parts of a page true without disturbing whoever reads them: what is new is morphed in, a lost connection is said.
const EVERY_MS = 4000;
// A change anywhere is on every board within two seconds: whether there is one is asked every second.
export const BOARD_MS = 1000;

export const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

// parts: [{ element, address(), before(), after(what before said) }]; count(now in ms) runs after each look.
// Returns { refresh(), lost() }: look now; say that the server does not answer.
export function keepLive(parts, count, everyMs = EVERY_MS) {
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
      count(now());
    } catch {
      lost();
    } finally {
      refreshing = false;
      timer = setTimeout(refresh, document.hidden ? 60000 : everyMs);
    }
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  window.addEventListener("online", refresh);
  window.addEventListener("offline", lost);
  count(now());
  refresh();
  return { refresh, lost };
}
