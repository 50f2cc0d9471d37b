// The hours: a visit is picked up with the mouse, a long press or the key M, carried to a time and a technician, and put
// down; the server says what would follow, and only then anything is changed.
import { refresh } from "./board.js";
import { fill } from "./live.js";

const STEP_MS = 5 * 60000;
const LONG_PRESS_MS = 380;
const board = document.getElementById("board");
const panel = document.getElementById("place");
const said = document.getElementById("aim");
const hours = () => document.getElementById("hours");
const box = () => document.getElementById("hours-box");
let held = null; // what is carried: { id, version, name, minutes, promised, from, at, row, graspMs, ghost }
let pressed = null; // what may become a drag

const clock = (ms) => new Date(ms).toLocaleTimeString("ja-JP", { timeZone: document.getElementById("live").dataset.zone, hour: "2-digit", minute: "2-digit" });
const say = (text) => { said.textContent = text; said.className = "visually-hidden"; };
// Who tries to carry what stays where it is reads why.
const refuse = (link) => {
  say(fill(said.getAttribute(`data-fixed-${link.dataset.standing}`) ?? said.dataset.fixedDone, { customer: link.dataset.name }));
  said.className = "fixed-note";
  clearTimeout(refuse.timer);
  refuse.timer = setTimeout(() => { said.className = "visually-hidden"; }, 6000);
};
const rowOf = (technician) => hours()?.querySelector(`.hours-row[data-technician="${technician}"]`);
const bounds = () => [Date.parse(hours().dataset.from), Date.parse(hours().dataset.until)];

function timeAt(x, row) {
  const track = row.querySelector(".track").getBoundingClientRect();
  const [from, until] = bounds();
  return from + ((x - track.left) / track.width) * (until - from);
}

function xOf(at, row) {
  const track = row.querySelector(".track").getBoundingClientRect();
  const [from, until] = bounds();
  return track.left + ((at - from) / (until - from)) * track.width;
}

function pickUp(link, graspX = null) {
  const row = link.closest(".hours-row");
  const { visit, version, from, until, promised, name } = link.dataset;
  held = { id: visit, version, name, from: Date.parse(from), minutes: (Date.parse(until) - Date.parse(from)) / 60000, promised: promised.split("/").map(Date.parse), at: Date.parse(from), row: row.dataset.technician, home: row.dataset.technician };
  held.graspMs = graspX === null ? 0 : timeAt(graspX, row) - held.at;
  held.ghost = document.createElement("div");
  held.ghost.className = "ghost";
  held.ghost.append(document.createElement("b"), document.createElement("span"));
  document.body.append(held.ghost);
  board.classList.add("carrying");
  draw();
}

function draw() {
  const row = rowOf(held.row);
  if (!row) return;
  const [from, until] = bounds();
  const track = row.querySelector(".track").getBoundingClientRect();
  const kept = held.at >= held.promised[0] && held.at <= held.promised[1];
  const where = fill(said.dataset.aim, { technician: row.dataset.name, time: `${clock(held.at)}–${clock(held.at + held.minutes * 60000)}` });
  held.ghost.classList.toggle("moves", !kept);
  held.ghost.firstChild.textContent = where;
  held.ghost.lastChild.textContent = kept ? said.dataset.kept : said.dataset.moved;
  held.ghost.style.transform = `translate(${xOf(held.at, row)}px, ${track.top}px)`;
  held.ghost.style.minWidth = `${Math.max((held.minutes * 60000 / (until - from)) * track.width, 24)}px`;
  hours().querySelector(".hours-row.aimed")?.classList.remove("aimed");
  row.classList.add("aimed");
  return `${where} ${held.ghost.lastChild.textContent}`;
}

function aim(at, technician) {
  const [from, until] = bounds();
  if (at < from) reachOut("early");
  else if (at > until - STEP_MS) reachOut("late");
  held.at = Math.min(Math.max(Math.round(at / STEP_MS) * STEP_MS, from), until - STEP_MS);
  if (rowOf(technician)) held.row = technician;
  return draw();
}

// Beyond what is drawn there is more of the day: whoever carries a visit to the edge sees it.
let reaching = false;
async function reachOut(end) {
  const asked = new URLSearchParams(location.search);
  const now = asked.get("reach") ?? "";
  if (reaching || now === end || now === "all") return;
  reaching = true;
  asked.set("reach", now ? "all" : end);
  history.replaceState(history.state, "", `?${asked}`);
  const drawn = hours().dataset.from + hours().dataset.until;
  const first = timeAt(seen().left, rowOf(held.row));
  for (let tries = 0; tries < 20 && hours().dataset.from + hours().dataset.until === drawn; tries += 1) {
    await refresh();
    await new Promise((done) => { setTimeout(done, 100); });
  }
  reaching = false;
  if (!held) return;
  box().scrollLeft += xOf(first, rowOf(held.row)) - seen().left; // what was in sight stays there
  say(draw());
}

function putBack(silently = false) {
  if (!held) return;
  const { id, ghost } = held;
  ghost.remove();
  held = null;
  board.classList.remove("carrying");
  hours()?.querySelector(".hours-row.aimed")?.classList.remove("aimed");
  board.querySelector(`a.visit[data-visit="${id}"]`)?.focus({ preventScroll: true });
  if (!silently) say(said.dataset.back);
}

async function putDown() {
  const asked = new URLSearchParams({ technician: held.row, at: new Date(held.at).toISOString(), version: held.version });
  await show(`/visits/${held.id}/place?${asked}`);
}

async function show(address, options = {}) {
  try {
    const reply = await fetch(address, { cache: "no-store", redirect: "manual", ...options });
    if (reply.type === "opaqueredirect") {
      panel.close("done");
      if (options.method) say(said.dataset.done);
      await refresh();
      return;
    }
    panel.innerHTML = await reply.text();
    if (reply.status === 412 || reply.status === 409) refresh();
  } catch {
    panel.textContent = panel.dataset.failed;
  }
  panel.returnValue = "";
  if (!panel.open) panel.showModal();
  (panel.querySelector(".row .button.primary") ?? panel.querySelector("[data-take-back]") ?? panel).focus();
}

panel.addEventListener("close", () => putBack(panel.returnValue === "done"));
panel.addEventListener("click", (event) => { if (event.target.closest("[data-take-back]")) panel.close(); });
panel.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new FormData(event.target, event.submitter);
  event.submitter.disabled = true;
  show(event.target.action, { method: "POST", body });
});

// Mouse and touch: a mouse drags at once, a finger after a long press, so that it can scroll.
const HEAD_PX = 26;
const EDGE_PX = 44;
const ROLL_PX_PER_MS = 0.6;

// What of the hours can be seen.
function seen() {
  const edge = box().getBoundingClientRect();
  const who = hours().querySelector(".corner").getBoundingClientRect().right;
  return { left: Math.max(who, 0), right: Math.min(edge.right, innerWidth), top: Math.max(edge.top + HEAD_PX, 0), bottom: Math.min(edge.bottom, innerHeight) };
}

// Where the pointer is; beyond the edge, what lies at the edge.
function aimAtPointer() {
  const { left: low, right, top, bottom } = seen();
  const y = Math.min(Math.max(pressed.y, top + 2), bottom - 2);
  const row = document.elementFromPoint(Math.min(Math.max(pressed.x, low + 2), right - 2), y)?.closest(".hours-row") ?? rowOf(held.row);
  aim(timeAt(pressed.x, row) - held.graspMs, row.dataset.technician);
}

function move(event) {
  pressed.x = event.clientX;
  pressed.y = event.clientY;
  aimAtPointer();
}

function rollAtEdges(at, before = at) {
  if (!held || !pressed) return;
  const edge = seen();
  const step = Math.min(at - before, 60) * ROLL_PX_PER_MS;
  const way = (where, low, high) => (where < low + EDGE_PX ? -1 : where > high - EDGE_PX ? 1 : 0);
  const [dx, dy] = [way(pressed.x, edge.left, edge.right) * step, way(pressed.y, edge.top, edge.bottom) * step];
  if (dx || dy) {
    const was = box().scrollTop;
    box().scrollBy(dx, dy);
    if (dy && box().scrollTop === was) scrollBy(0, dy); // the hours are at their end: what is left of them lies below the page's edge
    aimAtPointer();
  }
  requestAnimationFrame((next) => rollAtEdges(next, at));
}

function begin() {
  if (!pressed.link.dataset.version) {
    refuse(pressed.link);
    letGo();
    return;
  }
  pickUp(pressed.link, pressed.x);
  navigator.vibrate?.(15);
  requestAnimationFrame((at) => rollAtEdges(at));
}

function letGo() {
  clearTimeout(pressed?.timer);
  pressed = null;
}

board.addEventListener("pointerdown", (event) => {
  const link = event.target.closest(".hours a.visit");
  if (!link || event.button !== 0 || held || event.ctrlKey || event.metaKey || event.shiftKey) return;
  pressed = { link, x: event.clientX, y: event.clientY, touch: event.pointerType === "touch", id: event.pointerId };
  if (pressed.touch) pressed.timer = setTimeout(begin, LONG_PRESS_MS);
});
document.addEventListener("pointermove", (event) => {
  if (!pressed || event.pointerId !== pressed.id) return;
  if (held) {
    move(event);
    return;
  }
  if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 6) return;
  if (pressed.touch) letGo();
  else begin();
});
document.addEventListener("pointerup", (event) => {
  if (!pressed || event.pointerId !== pressed.id) return;
  const carried = held !== null;
  letGo();
  if (!carried) return;
  // The click that follows a drag opens nothing.
  const swallow = (click) => { click.preventDefault(); click.stopImmediatePropagation(); };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 50);
  if (held.at === held.from && held.row === held.home) putBack(true);
  else putDown();
});
document.addEventListener("pointercancel", () => {
  letGo();
  if (!panel.open) putBack(true);
});
document.addEventListener("touchmove", (event) => { if (held && pressed) event.preventDefault(); }, { passive: false });
board.addEventListener("contextmenu", (event) => { if (pressed?.touch || held) event.preventDefault(); });
board.addEventListener("dragstart", (event) => { if (event.target.closest?.(".hours")) event.preventDefault(); });
document.addEventListener("scroll", () => { if (held && !pressed) draw(); }, { capture: true, passive: true });

// Keys: M takes the focused visit up; arrows carry it; Enter shows what follows; Esc puts it back. Else arrows move on.
const bars = (row) => [...row.querySelectorAll("a.visit")];
const left = (link) => link.querySelector(".work").getBoundingClientRect().left;

function neighbour(link, key) {
  const rows = [...hours().querySelectorAll(".hours-row")].filter((row) => row.querySelector("a.visit"));
  if (!link) {
    // The way in is the first visit that is not over, where the eyes are.
    const now = document.querySelector("#now-line line")?.getBoundingClientRect().left ?? 0;
    const first = rows.length ? bars(rows[0]) : [];
    return first.find((one) => one.querySelector(".work").getBoundingClientRect().right >= now) ?? first[0];
  }
  const row = link.closest(".hours-row");
  if (key === "ArrowLeft" || key === "ArrowRight") return bars(row)[bars(row).indexOf(link) + (key === "ArrowRight" ? 1 : -1)];
  const next = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
  const x = left(link);
  return next && bars(next).reduce((best, one) => (Math.abs(left(one) - x) < Math.abs(left(best) - x) ? one : best));
}

function carry(event) {
  const { key, shiftKey } = event;
  const step = (shiftKey ? 3 : 1) * STEP_MS;
  if (key === "Escape") putBack();
  else if (key === "Enter") putDown();
  else if (key === "ArrowLeft" || key === "ArrowRight") say(aim(held.at + (key === "ArrowRight" ? step : -step), held.row));
  else if (key === "ArrowUp" || key === "ArrowDown") {
    const next = rowOf(held.row)?.[key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling"];
    if (next?.matches(".hours-row")) {
      next.scrollIntoView({ block: "nearest" });
      say(aim(held.at, next.dataset.technician));
    }
  } else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("keydown", (event) => {
  if (!hours() || panel.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog:modal") || event.target.closest("input, select, textarea, [contenteditable]")) return;
  if (held) {
    carry(event);
    return;
  }
  const link = document.activeElement.closest(".hours a.visit");
  if (event.key.toLowerCase() === "m" && link) {
    event.preventDefault();
    if (!link.dataset.version) {
      refuse(link);
      return;
    }
    pickUp(link);
    say(fill(said.dataset.grabbed, { customer: held.name }));
  } else if (event.key.startsWith("Arrow") && !event.shiftKey && (link || document.activeElement === document.body)) {
    const next = neighbour(link, event.key);
    event.preventDefault();
    event.stopImmediatePropagation();
    next?.focus({ preventScroll: true });
    next?.querySelector(".work").scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}, { capture: true });

// Whoever rests on a bar reads all of it.
board.addEventListener("pointerover", (event) => {
  const link = event.target.closest(".hours a.visit");
  if (!link || link.querySelector("title")) return;
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = link.getAttribute("aria-label");
  link.prepend(title);
});

// Two who meet at one door are marked together, whichever of their bars somebody rests on.
function markPair(event) {
  const pair = event.target.closest?.(".hours a.visit")?.dataset.pair;
  for (const bar of board.querySelectorAll(".bar.paired")) bar.classList.remove("paired");
  if (pair) for (const link of board.querySelectorAll(`a.visit[data-pair="${pair}"]`)) link.closest(".bar").classList.add("paired");
}
board.addEventListener("pointerover", markPair);
board.addEventListener("focusin", markPair);
board.addEventListener("shown", () => { if (held) draw(); });

// A day of today begins where the work is: the line of now stands in the first third.
function lookAtNow() {
  const line = document.querySelector("#now-line line");
  if (!line || !box()) return;
  const edge = box().getBoundingClientRect();
  box().scrollLeft += line.getBoundingClientRect().left - edge.left - 150 - (edge.width - 150) / 3;
}
lookAtNow();
