// Shows what the visit costs while it is typed: whatever changes in the form asks again, a moment later.
{
  const form = document.querySelector("form.booking");
  const shown = document.getElementById("estimate");
  const beside = document.getElementById("price-now");
  let timer = null;
  let asked = 0;

  // The sum stands beside the time as well, which may be far from the lines.
  const brief = () => { beside.textContent = shown.querySelector("[data-brief]")?.dataset.brief ?? ""; };

  async function look() {
    const mine = ++asked;
    const all = new FormData(form);
    const typed = new URLSearchParams();
    for (const name of ["service", "duration_min", "who", "kind", "lat", "lon", "on", "promised_from", "technician"]) typed.set(name, all.get(name) ?? "");
    const address = `${shown.dataset.source}?${typed}`;
    if (address === shown.dataset.asked) return;
    const reply = await fetch(address, { cache: "no-store" }).catch(() => null);
    if (mine !== asked) return;
    shown.dataset.asked = reply?.ok ? address : "";
    shown.innerHTML = reply?.ok ? await reply.text() : shown.dataset.failed;
    brief();
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(look, 200);
  };
  for (const kind of ["input", "change"]) form.addEventListener(kind, soon);
  // Customers who were found bring their address and class along without a key being pressed.
  new MutationObserver(soon).observe(document.getElementById("found"), { childList: true });
  brief();
  soon();
}
