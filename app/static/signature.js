// Draws a signature with a finger, a pen or a mouse into the form; who cannot draw types the name, as without this.
const WIDE = 600;
const HIGH = 200;
const APART = 5; // points closer together are one: a signature stays small
const LONGEST = 12000;

for (const block of document.querySelectorAll("[data-signature]")) {
  const pad = block.querySelector(".pad");
  const paper = pad.querySelector("svg");
  const line = paper.querySelector("path");
  const field = pad.querySelector("input[name=drawn]");
  let last = null;
  pad.hidden = false;
  block.classList.add("drawable");
  const show = (path) => {
    line.setAttribute("d", path);
    field.value = path;
  };
  show(line.getAttribute("d"));
  const place = (event) => {
    const box = paper.getBoundingClientRect();
    const fit = (share, most) => Math.min(Math.max(Math.round(share * most), 0), most);
    return [fit((event.clientX - box.left) / box.width, WIDE), fit((event.clientY - box.top) / box.height, HIGH)];
  };
  const go = (letter, [x, y]) => {
    if (field.value.length > LONGEST - 10) return;
    show(`${field.value}${letter}${x} ${y}`);
    last = [x, y];
  };
  paper.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button > 0) return;
    event.preventDefault();
    paper.setPointerCapture(event.pointerId);
    go("M", place(event));
  });
  paper.addEventListener("pointermove", (event) => {
    if (!last || !event.isPrimary) return;
    const at = place(event);
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= APART) go("L", at);
  });
  for (const end of ["pointerup", "pointercancel"]) paper.addEventListener(end, () => (last = null));
  pad.querySelector("button").addEventListener("click", () => show(""));
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
