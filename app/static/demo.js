// Keeps the demo's panel in step with the played day: fetches the part that changes, and shows what is new.
"use strict";
const main = document.getElementById("main");
const seen = new Set(ids());

function ids() {
  return [...main.querySelectorAll("[data-id]")].map((bubble) => bubble.dataset.id);
}

function toTheNewest() {
  for (const bubbles of main.querySelectorAll(".bubbles")) bubbles.scrollTop = bubbles.scrollHeight;
}

async function refresh() {
  if (document.hidden) return;
  const reply = await fetch(main.dataset.now).catch(() => null);
  main.classList.toggle("lost", !reply || !reply.ok);
  if (!reply || !reply.ok) return;
  const focused = document.activeElement?.id;
  main.innerHTML = await reply.text();
  for (const id of ids()) {
    if (seen.has(id)) continue;
    seen.add(id);
    main.querySelector(`[data-id="${id}"]`).classList.add("new");
  }
  toTheNewest();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

toTheNewest();
setInterval(refresh, 1500);
document.addEventListener("visibilitychange", refresh);
