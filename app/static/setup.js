// Shows, while the short name is typed, how an SMS of this company begins.
const typed = document.getElementById("short_name");
const shown = document.getElementById("sms-name");
const show = () => { shown.textContent = typed.value.trim() || shown.dataset.empty; };
if (typed && shown) {
  typed.addEventListener("input", show);
  show();
}
