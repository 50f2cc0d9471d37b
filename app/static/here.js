// Says once a minute that somebody is at this desk: who is not there is written to when something waits for a person.
const EVERY_MS = 60000;
const STAYS_MS = 15 * 60000;
const csrf = document.querySelector('meta[name="csrf"]').content;
let movedAt = Date.now();
let saidAt = 0;

function say() {
  if (document.hidden || Date.now() - movedAt > STAYS_MS || Date.now() - saidAt < EVERY_MS) return;
  saidAt = Date.now();
  fetch("/here", { method: "POST", headers: { "X-CSRFToken": csrf }, redirect: "manual" }).catch(() => { saidAt = 0; });
}

for (const sign of ["pointermove", "pointerdown", "keydown", "scroll"]) {
  document.addEventListener(sign, () => { movedAt = Date.now(); say(); }, { passive: true });
}
document.addEventListener("visibilitychange", say);
setInterval(say, EVERY_MS / 4);
say();
