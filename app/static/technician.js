// The technician's phone page: taps count at once and are sent when there is a signal; nothing to press while moving.
import { isMoving, observe, UNKNOWN } from "./technician-motion.js";
import { Place } from "./technician-place.js";
import * as queue from "./technician-queue.js";

const LOOK_EVERY_MS = 30_000;
const TICK_MS = 5_000;
const TRY_AGAIN_MS = [5_000, 15_000, 30_000, 60_000];
const PATIENCE_MS = 20_000;
const UNDO_LASTS_MS = 5 * 60_000;
const DOUBLE_TAP_MS = 800;
const CLOCK_AHEAD = "mamonaku.clock_ahead";
const TAPS_AT_ONCE = 50;
const FIXES_AT_ONCE = 200;
const UNDER_WAY = ["en_route", "arrived", "working"];
const AWAITED = ["booked", "en_route"];

const SAY = JSON.parse(document.getElementById("say").textContent);
const el = (id) => document.getElementById(id);
const day = () => el("day");
const technician = Number(day().dataset.technician);

/** What the server's clock shows minus what the phone's does, in ms; a phone's clock may be wrong. */
let clockAhead = 0;
const now = () => Date.now() + clockAhead;

const say = (name, facts = {}) => SAY[name].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
const clock = (ms) =>
  new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: day().dataset.zone }).format(ms);
const iso = (ms) => new Date(ms).toISOString();

// ---- the day as the phone knows it: the server's page, with the taps that wait laid over it

const visits = () => [...document.querySelectorAll(".visit")];
const visitOf = (id) => el(`visit-${id}`);

/** Put each visit where its state belongs: the one under way, else the first open one, is the card. */
function arrange() {
  const inOrder = visits().sort((a, b) => a.dataset.order - b.dataset.order);
  const next =
    inOrder.find((v) => UNDER_WAY.includes(v.dataset.status)) ?? inOrder.find((v) => v.dataset.status === "booked");
  settle(el("next"), inOrder.filter((visit) => visit === next), true);
  settle(el("rest"), inOrder.filter((visit) => visit !== next), false);
  el("over").hidden = Boolean(next);
  for (const form of document.querySelectorAll(".first")) form.hidden = Boolean(next) && next.dataset.status !== "booked";
  place.want(Boolean(next));
  showDriving();
}

/** Give a list its visits; what stands there already is not touched, so that it keeps its focus. */
function settle(list, members, open) {
  members.forEach((visit, index) => {
    if (visit.parentElement !== list) visit.firstElementChild.open = open;
    if (list.children[index] !== visit) list.insertBefore(visit, list.children[index] ?? null);
  });
}

function applyTap(tap) {
  const visit = visitOf(tap.visit);
  if (!visit) return;
  if (tap.kind === "eta") {
    const reported = visit.querySelector(".reported");
    reported.textContent = say("eta_reported", { at: clock(tap.at + clockAhead), eta: clock(Date.parse(tap.eta)) });
    reported.hidden = false;
    return;
  }
  const undo = el("undo");
  if (tap.kind === "undo") {
    visit.dataset.status = tap.before;
    undo.hidden = true;
    return;
  }
  undo.dataset.before = tap.before;
  undo.dataset.until = iso(tap.at + clockAhead + UNDO_LASTS_MS);
  undo.elements.visit.value = tap.visit;
  undo.elements.status.value = tap.status;
  undo.querySelector("span").textContent = say(`undo_${tap.status}`, { at: clock(tap.at + clockAhead) });
  undo.hidden = false;
  visit.dataset.status = tap.status;
}

/** What changes with the time of day alone. */
function tick() {
  for (const visit of visits()) {
    if (!AWAITED.includes(visit.dataset.status)) continue;
    const begins = [...visit.querySelectorAll("[data-begin]")];
    const current = begins.findLast((p) => !p.dataset.from || Date.parse(p.dataset.from) <= now());
    for (const p of begins) p.hidden = p !== current;
    const from = Math.max(Date.parse(visit.dataset.expectedUntil), Math.ceil(now() / 60_000) * 60_000);
    for (const button of visit.querySelectorAll("[data-delay]")) {
      const eta = from + button.dataset.delay * 60_000;
      button.value = iso(eta);
      button.querySelector("[data-delay-at]").textContent = say("delay_at", { time: clock(eta) });
    }
  }
  const undo = el("undo");
  if (undo.dataset.until && Date.parse(undo.dataset.until) <= now()) undo.hidden = true;
  place.tick();
  showPlace();
  showDriving();
}

// ---- taps

let steppedAt = 0;

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-tap]");
  if (!form || !canKeep) return;
  event.preventDefault();
  const given = Object.fromEntries(new FormData(form, event.submitter));
  if (given.kind === "status") {
    if (Date.now() - steppedAt < DOUBLE_TAP_MS) return; // the button under the thumb has just changed its meaning
    steppedAt = Date.now();
  }
  const tap = { technician, kind: given.kind, visit: Number(given.visit), key: queue.newKey(), at: Date.now() };
  if (given.status) tap.status = given.status;
  if (given.eta) tap.eta = given.eta;
  tap.before = tap.kind === "undo" ? el("undo").dataset.before : visitOf(tap.visit).dataset.status;
  changes += 1;
  tell(el("sync"), say("sending"), "waiting");
  applyTap(tap);
  arrange();
  tick();
  form.closest("details.absent")?.removeAttribute("open");
  if (tap.kind === "status") scrollTo({ top: 0 });
  await queue.keep(tap);
  send();
});

// ---- sending, in order

let canKeep = false;
let sending = false;
let again = false; // something was kept while sending
let failures = 0;
let signedOut = false;
let keptPage = null; // as of when, while the page comes from the phone's own copy
let changes = 0; // taps made or answered: a page asked for before them is old
let timer;

async function send() {
  if (!canKeep) return;
  if (sending) {
    again = true;
    return;
  }
  sending = true;
  clearTimeout(timer);
  let tapped = false;
  try {
    for (;;) {
      again = false;
      const all = await queue.waiting(technician);
      const taps = all.filter((entry) => entry.kind !== "fix").slice(0, TAPS_AT_ONCE);
      const fixes = all.filter((entry) => entry.kind === "fix").slice(0, FIXES_AT_ONCE);
      const batch = taps.length ? taps : fixes;
      if (!batch.length && again) continue;
      if (!batch.length) break;
      await showSync();
      const answer = await post(taps.length ? "/t/taps" : "/t/fixes", batch.map(taps.length ? tapOut : fixOut));
      if (answer === null) break;
      for (const result of answer.results ?? []) if (result.message) showRefusal(result.message);
      await queue.forget(batch);
      failures = 0;
      if (taps.length) {
        tapped = true;
        changes += 1;
      }
    }
  } finally {
    sending = false;
  }
  await showSync();
  if (tapped) refresh();
}

const tapOut = ({ kind, visit, key, at, status, eta }) => ({ kind, visit, key, at: iso(at), status, eta });
const fixOut = ({ at, lat, lon, accuracy, speed }) => ({
  fixed_at: iso(at),
  lat,
  lon,
  accuracy_m: accuracy,
  speed_mps: Number.isFinite(speed) ? speed : null,
});

/** Hand a batch over; null when it must wait. What can never be taken is answered as refused, so that it blocks nothing. */
async function post(address, items) {
  let reply;
  try {
    reply = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": day().dataset.csrf },
      body: JSON.stringify({ technician, sent_at: iso(Date.now()), items }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return later();
  }
  if (reply.ok) {
    signedOut = false;
    return reply.json().catch(later);
  }
  if (reply.status === 409) {
    location.reload(); // somebody else is signed in here now: what waits stays for its owner
    return null;
  }
  if (reply.status === 400 || reply.status === 401) {
    // The sign-in or the page's token has ended; a fresh page knows which.
    if (failures === 0 && (await refresh())) {
      failures = 1;
      return post(address, items);
    }
    return later();
  }
  if (reply.status === 413 || reply.status === 422) return { results: [{ message: SAY.unreadable }] };
  return later();
}

function later() {
  timer = setTimeout(send, TRY_AGAIN_MS[Math.min(failures, TRY_AGAIN_MS.length - 1)]);
  failures += 1;
  return null;
}

// ---- looking again

/** Fetch the page and take its day over; returns whether a fresh one came. */
async function refresh() {
  const asked = changes;
  let reply;
  let page;
  try {
    reply = await fetch("/t", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    page = await reply.text();
  } catch {
    reply = Response.error();
  }
  signedOut = reply.status === 401;
  if (!reply.ok || reply.headers.has("X-Kept")) {
    keptPage = Date.parse(day().dataset.now);
    await showSync();
    return false;
  }
  const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("day");
  if (Number(fresh.dataset.technician) !== technician) {
    location.reload();
    return false;
  }
  keptPage = null;
  if (asked !== changes || sending) {
    day().dataset.csrf = fresh.dataset.csrf;
    setTimeout(refresh, 1_000);
    return true;
  }
  await takeOver(fresh);
  return true;
}

async function takeOver(fresh) {
  const open = [...document.querySelectorAll("details[open]")].map(pathOf);
  const focused = document.activeElement?.closest("#day") ? pathOf(document.activeElement) : null;
  clockAhead = Date.parse(fresh.dataset.now) - Date.now();
  localStorage.setItem(CLOCK_AHEAD, String(clockAhead));
  day().replaceWith(document.adoptNode(fresh));
  await overlay();
  for (const details of document.querySelectorAll("#day details")) if (open.includes(pathOf(details))) details.open = true;
  if (focused) [...document.querySelectorAll("#day *")].find((node) => pathOf(node) === focused)?.focus();
  await showSync();
  if (failures) {
    failures = 0; // the way is open again, whether or not the phone has noticed
    send();
  }
}

/** Lay the taps that wait over the server's day. */
async function overlay() {
  if (canKeep) for (const tap of await queue.waiting(technician)) if (tap.kind !== "fix") applyTap(tap);
  arrange();
  tick();
}

/** A name for an element that survives the exchange of the day. */
function pathOf(node) {
  const home = node.closest(".visit, #undo") ?? day();
  const same = [...home.querySelectorAll(node.localName)];
  return `${home.id}>${node.localName}:${same.indexOf(node)}`;
}

// ---- what the page says about itself

async function showSync() {
  const all = canKeep ? await queue.waiting(technician) : [];
  const taps = all.filter((entry) => entry.kind !== "fix").length;
  const fixes = all.length - taps;
  const cut = failures > 0 || !navigator.onLine || keptPage !== null;
  let words = say("all_sent");
  let looks = "";
  if (signedOut) [words, looks] = [say("signed_out", { count: taps }), "stopped"];
  else if (!canKeep) [words, looks] = [say("not_kept"), "waiting"];
  else if (taps && cut) [words, looks] = [say("waiting", { count: taps }), "waiting"];
  else if (taps) [words, looks] = [say("sending"), "waiting"];
  else if (keptPage !== null) [words, looks] = [say("kept_page", { time: clock(keptPage) }), "waiting"];
  else if (cut && fixes) [words, looks] = [say("waiting_fixes", { count: fixes }), "waiting"];
  tell(el("sync"), words, looks);
}

function showPlace() {
  const at = place.fixAt && { time: clock(place.fixAt + clockAhead) };
  const state = place.state === "no_fix" && !at ? "never_fix" : place.state;
  if (state === "off") el("place").hidden = true;
  else tell(el("place"), say(state, at ?? {}), { sharing: "", starting: "waiting", ask: "waiting" }[state] ?? "stopped");
  el("share").hidden = state !== "ask";
  el("paused").hidden = !place.paused;
  if (place.paused) {
    const { from, until } = place.paused;
    el("paused").querySelector("span").textContent = say("paused", { from: clock(from + clockAhead), until: clock(until + clockAhead) });
  }
}

/** Change a line only when it says something new: a screen reader reads every change aloud. */
function tell(line, words, looks) {
  if (line.textContent !== words) line.textContent = words;
  line.className = looks;
  line.hidden = false;
}

function showRefusal(message) {
  const line = document.createElement("li");
  line.className = "note alarm";
  const close = document.createElement("button");
  close.className = "button";
  close.type = "button";
  close.textContent = SAY.close;
  close.addEventListener("click", () => line.remove());
  line.append(Object.assign(document.createElement("span"), { textContent: message }), close);
  el("refusals").append(line);
}

// ---- moving

let motion = UNKNOWN;

function showDriving() {
  const next = el("next").firstElementChild;
  const moving = Boolean(next) && isMoving(motion, Date.now());
  if (moving) {
    // Who drives away from a visit without a tap is on the way to the one after it.
    const left = !AWAITED.includes(next.dataset.status);
    const stop = (left && document.querySelector('#rest > [data-status="booked"]')) || next;
    const words = stop.querySelector("template");
    if (el("driving").dataset.shown !== words.innerHTML) {
      el("driving").dataset.shown = words.innerHTML;
      el("driving").replaceChildren(words.content.cloneNode(true));
    }
  }
  if (el("driving").hidden === !moving) return;
  el("driving").hidden = !moving;
  document.body.classList.toggle("driving", moving);
  for (const part of document.querySelectorAll("body > header, body > main, body > .skip")) part.hidden = moving;
  if (!moving) scrollTo({ top: 0 });
}

const place = new Place({
  onFix(fix) {
    motion = observe(motion, fix);
    showDriving();
  },
  async onShare(fix) {
    if (!canKeep) return;
    await queue.keep({ technician, kind: "fix", ...fix });
    send();
  },
  onChange: () => showPlace(),
});

// ---- beginning

el("share").addEventListener("click", () => place.start());
el("paused").querySelector("button").addEventListener("click", () => {
  place.paused = null;
  showPlace();
});
addEventListener("online", () => {
  failures = 0;
  send();
  refresh();
});
addEventListener("offline", () => {
  keptPage = Date.parse(day().dataset.now);
  showSync();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  send();
  refresh();
});

// The page may be the phone's own copy and old; only an answer of the server sets the clock.
clockAhead = Number(localStorage.getItem(CLOCK_AHEAD) ?? Date.parse(day().dataset.now) - Date.now());
canKeep = await queue.ready().then(() => true, () => false);
await overlay();
await showSync();
send();
refresh();
setInterval(tick, TICK_MS);
setInterval(() => !document.hidden && refresh(), LOOK_EVERY_MS);
if (navigator.serviceWorker) {
  navigator.serviceWorker.addEventListener("controllerchange", refresh); // through the worker, so that it keeps the page
  navigator.serviceWorker.register("/t/sw.js", { scope: "/t" }).catch(() => {}); // without it the page still works
}
