// Keys of the desk: elements with data-key are focused (fields) or pressed (links); "?" lists them.
document.documentElement.classList.add("scripted");
// A form that was refused begins where something is to be mended.
document.querySelector("main [aria-invalid=true]")?.focus();
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  if (event.key === "?") {
    document.getElementById("keys")?.showModal();
    event.preventDefault();
    return;
  }
  if (document.querySelector("dialog:modal")) return;
  const wanted = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === event.key.toLowerCase());
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input, textarea")) {
    wanted.focus();
    wanted.select();
  } else {
    wanted.click();
  }
});
