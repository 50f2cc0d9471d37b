// Searches times to offer while the customer is on the telephone, fills the chosen one in, and keeps it for some minutes.
{
  const form = document.querySelector("form.booking");
  const ask = document.getElementById("find-offers");
  const list = document.getElementById("offers");
  const hold = document.getElementById("hold");
  const kept = document.getElementById("kept");
  const FIELDS = ["technician", "on", "promised_from", "promised_until", "second_technician"];
  let asked = 0;

  async function search() {
    const mine = ++asked;
    kept.textContent = ask.dataset.waiting;
    const typed = new URLSearchParams();
    for (const name of ["service", "duration_min", "who", "kind", "lat", "lon", "on", "window", "half", "span", "second_technician"]) {
      typed.set(name, new FormData(form).get(name) ?? "");
    }
    const reply = await fetch(`${ask.dataset.source}?${typed}`).catch(() => null);
    if (mine !== asked) return;
    kept.textContent = reply?.ok ? "" : ask.dataset.failed;
    if (reply?.ok) list.innerHTML = await reply.text();
  }

  async function keep(button) {
    button.value.split("|").forEach((value, index) => { form.elements[FIELDS[index]].value = value; });
    form.dispatchEvent(new Event("change")); // the price goes by the time
    for (const other of list.querySelectorAll("button.offer")) other.setAttribute("aria-pressed", other === button);
    kept.textContent = "";
    const reply = await fetch(ask.dataset.holds, { method: "POST", body: new FormData(form) }).catch(() => null);
    const said = await reply?.json().catch(() => null);
    hold.value = said?.hold ?? "";
    kept.textContent = said?.hold ? ask.dataset.kept.replace("{until}", said.until) : said?.message ?? "";
    if (reply?.status === 409) button.closest("li").remove();
  }

  // Another time than the one that is kept is not that one any more.
  form.addEventListener("input", (event) => {
    if (!FIELDS.includes(event.target.name)) return;
    for (const offer of list.querySelectorAll("button.offer[aria-pressed=true]")) offer.setAttribute("aria-pressed", "false");
    kept.textContent = "";
  });

  ask.type = "button";
  ask.addEventListener("click", search);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button.offer");
    if (!button) return;
    event.preventDefault();
    keep(button);
  });
}
