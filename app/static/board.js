// The board: kept live, its deadlines counted down, a visit opened beside it.
import { keepLive, walk } from "./live.js";

const board = document.getElementById("board");
const drawer = document.getElementById("drawer");

function markOpen() {
  const open = drawer.open ? drawer.dataset.path : null;
  for (const link of board.querySelectorAll("a.visit")) link.classList.toggle("open", link.getAttribute("href") === open);
}

function shown() {
  markOpen();
  board.dispatchEvent(new Event("shown"));
}

export const { refresh, lost } = keepLive([{ element: board, address: () => board.dataset.source + location.search, after: shown }]);

// What is done from the list is done without leaving the page.
document.addEventListener("submit", async (event) => {
  if (event.target.id !== "act") return;
  event.preventDefault();
  const button = event.submitter;
  button.disabled = true;
  try {
    const reply = await fetch(button.formAction, { method: "POST", body: new FormData(event.target), redirect: "manual" });
    if (reply.type !== "opaqueredirect" && !reply.ok) throw new Error(String(reply.status));
    await refresh();
  } catch {
    button.disabled = false;
    lost();
  }
});

for (const chosen of document.querySelectorAll(".find select, .find input[type=date]")) {
  chosen.addEventListener("change", () => chosen.form.requestSubmit());
}

// The drawer shows a visit's own page beside the board.
const inDrawer = (path) => `${path}${path.includes("?") ? "&" : "?"}part=drawer`;

export async function show(path, options = {}) {
  const [address, place] = path.split("#");
  try {
    const reply = await fetch(inDrawer(address), { ...options, cache: "no-store" });
    if (new URL(reply.url).searchParams.get("part") !== "drawer" && options.method !== "POST") {
      location.assign(path);
      return;
    }
    drawer.innerHTML = await reply.text();
  } catch {
    drawer.innerHTML = "";
    const note = document.createElement("p");
    note.className = "note alarm";
    note.textContent = drawer.dataset.failed;
    drawer.append(note);
  }
  if (!options.method) drawer.dataset.path = address;
  if (!drawer.open) drawer.show();
  markOpen();
  const wanted = place && drawer.querySelector(`#${CSS.escape(place)}`);
  if (wanted) {
    if (wanted.matches("details")) wanted.open = true;
    wanted.scrollIntoView({ block: "start" });
    wanted.querySelector("input, select, summary, button")?.focus();
  } else {
    drawer.scrollTop = 0;
    drawer.querySelector("[aria-invalid], h1")?.focus();
  }
  const shown = new URL(location.href);
  shown.searchParams.set("visit", drawer.dataset.path.split("/").pop());
  history.replaceState(null, "", shown);
}

function close() {
  if (!drawer.open) return;
  drawer.close();
  markOpen();
  const shown = new URL(location.href);
  shown.searchParams.delete("visit");
  history.replaceState(null, "", shown);
  board.querySelector(`a.visit[href="${drawer.dataset.path}"]`)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close();
    return;
  }
  const link = event.target.closest("#board a[href^='/visits/']");
  if (!link) return;
  event.preventDefault();
  show(link.getAttribute("href"));
});

drawer.addEventListener("submit", async (event) => {
  if (event.target.method !== "post") return;
  event.preventDefault();
  const body = new FormData(event.target, event.submitter);
  const address = new URL((event.submitter?.hasAttribute("formaction") ? event.submitter.formAction : event.target.action), location.href);
  await show(address.pathname, { method: "POST", body });
  refresh();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drawer.open && !document.querySelector("dialog:modal")) close();
  walk(event, "#board a.visit");
});

const asked = new URL(location.href).searchParams.get("visit");
if (/^\d+$/.test(asked ?? "")) show(`/visits/${asked}`);
