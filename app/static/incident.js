// Visits to choose from: one box ticks and unticks them all.
for (const all of document.querySelectorAll("[data-all]")) {
  const boxes = () => [...all.parentElement.querySelectorAll('input[name="visits"]')];
  const own = all.querySelector("input");
  const show = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    own.checked = ticked > 0;
    own.indeterminate = ticked > 0 && ticked < boxes().length;
  };
  own.addEventListener("change", () => boxes().forEach((box) => { box.checked = own.checked; }));
  all.parentElement.addEventListener("change", (event) => { if (event.target.name === "visits") show(); });
  all.hidden = false;
  show();
}
