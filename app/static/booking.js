// Looks customers up while their name or number is typed, and fills in the usual duration.
{
  const find = document.getElementById("find");
  const button = document.getElementById("find-customer");
  const found = document.getElementById("found");
  const service = document.getElementById("service");
  const duration = document.getElementById("duration_min");
  const carried = {}; // what was searched for and not found, put into the fields of a new customer: typed once
  let asked = 0;
  let waiting = null;

  function carry() {
    const typed = found.querySelector(".found") ? "" : find.value.trim();
    const isNumber = /^[+\d\s()-]+$/.test(typed.normalize("NFKC"));
    for (const [id, value] of [["name", isNumber ? "" : typed], ["mobile", isNumber ? typed : ""]]) {
      const field = document.getElementById(id);
      if (field.value !== (carried[id] ?? "")) continue;
      field.value = carried[id] = value;
    }
  }

  async function look() {
    const mine = ++asked;
    const reply = await fetch(`${find.dataset.source}?find=${encodeURIComponent(find.value)}`).catch(() => null);
    if (!reply?.ok || mine !== asked) return;
    found.innerHTML = await reply.text();
    carry();
    if (!found.querySelector("input:checked")) document.querySelector("input[name=who][value=new]").checked = true;
  }

  button.type = "button";
  button.addEventListener("click", look);
  find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    look();
  });
  let filled = duration.value;
  const fill = () => {
    const usual = service.selectedOptions[0]?.dataset.minutes ?? "";
    if (duration.value === filled) duration.value = filled = usual;
  };
  service.addEventListener("change", fill);
  if (!duration.value) fill();
}
