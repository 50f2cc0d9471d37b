// Shows, while a visit's time or technician is typed, what would follow if it were saved.
let timer = null;
let asked = 0;

async function foresee(place, form) {
  const mine = ++asked;
  const typed = new URLSearchParams();
  for (const name of ["on", "promised_from", "promised_until", "technician", "duration_min"]) typed.set(name, form.elements[name].value);
  const reply = await fetch(`${place.dataset.source}?${typed}`, { cache: "no-store" }).catch(() => null);
  if (mine === asked) place.innerHTML = reply?.ok ? await reply.text() : "";
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form");
  const place = form?.querySelector("#move-foreseen");
  if (!place) return;
  clearTimeout(timer);
  timer = setTimeout(foresee, 300, place, form);
});
