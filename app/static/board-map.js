// The map, the second face of the same board: it draws what stands on the page, and nothing that does not.
import { show as openVisit } from "./board.js";

const aside = document.getElementById("day-map");
const board = document.getElementById("board");
const ICONS = "/static/icons.svg";
const SPEAKS = ["not-told", "unknown", "risk", "told", "unassigned"]; // these have a shape; the others are dots
const SHAPE = { unassigned: "unknown", "no-access": "cancelled" };
const OVER = ["done", "no-access", "cancelled"];
let map = null;
let layer = null;
let drawn = "";
let chosen = { technician: null, visit: null };
let fitted = false;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const place = (element) => [Number(element.dataset.lat), Number(element.dataset.lon)];

// What is on the page: people with their visits in the order of the plan.
function read() {
  return [...board.querySelectorAll("[data-technician]")].map((row) => ({
    id: row.dataset.technician,
    name: row.dataset.name,
    at: row.dataset.lat ? place(row) : null,
    seen: row.dataset.seen ?? "",
    stale: row.hasAttribute("data-stale"),
    visits: [...row.querySelectorAll("a.visit[data-lat]")].map((link) => ({
      id: link.dataset.visit, at: place(link), name: link.dataset.name, standing: link.dataset.standing, href: link.getAttribute("href"), words: link.dataset.window,
    })),
  }));
}

function words(title, more) {
  const box = document.createElement("span");
  const bold = document.createElement("b");
  bold.textContent = title;
  box.append(bold, document.createElement("br"), more);
  return box;
}

function icon(visit, number) {
  const mark = document.createElement("span");
  if (number) mark.textContent = number;
  else mark.innerHTML = `<svg aria-hidden="true"><use href="${ICONS}#${SHAPE[visit.standing] ?? visit.standing}"></use></svg>`;
  return L.divIcon({ className: `stop s-${visit.standing}${visit.id === chosen.visit ? " chosen" : ""}`, html: mark, iconSize: [24, 24] });
}

function stop(visit, person, number) {
  const speaks = number || SPEAKS.includes(visit.standing);
  const over = OVER.includes(visit.standing);
  const marker = speaks
    ? L.marker(visit.at, { icon: icon(visit, number), keyboard: false, zIndexOffset: number ? 500 : 0 })
    : L.circleMarker(visit.at, { radius: over ? 3 : 5, weight: 1.5, color: css("--ink"), fillColor: css(over ? "--done" : visit.standing === "on-site" ? "--ink" : "--surface"), fillOpacity: 1, opacity: over ? 0.5 : 1 });
  marker.bindTooltip(words(visit.name, [visit.words, person.name].filter(Boolean).join(" · ")));
  marker.on("click", (event) => {
    L.DomEvent.stopPropagation(event);
    choose(person.id, visit.id, true);
  });
  marker.on("dblclick", () => openVisit(visit.href));
  return marker;
}

function draw(people) {
  layer.clearLayers();
  const ink = css("--ink");
  for (const person of people) {
    const mine = person.id !== "" && person.id === chosen.technician;
    const faint = chosen.technician !== null && !mine;
    const line = { color: mine ? css("--focus") : ink, weight: mine ? 4 : 1.5, opacity: faint ? 0.12 : mine ? 0.9 : 0.35, interactive: false };
    const over = person.visits.filter((visit) => OVER.includes(visit.standing));
    const open = person.visits.filter((visit) => !OVER.includes(visit.standing));
    if (person.id !== "") {
      if (over.length > 1) layer.addLayer(L.polyline(over.map((one) => one.at), { ...line, opacity: line.opacity / 2 }));
      const ahead = [over.at(-1)?.at, ...open.map((one) => one.at)].filter(Boolean);
      if (ahead.length > 1) layer.addLayer(L.polyline(ahead, line));
      if (person.at && open.length) layer.addLayer(L.polyline([person.at, open[0].at], { ...line, dashArray: "4 5" }));
    }
    person.visits.forEach((visit, index) => {
      if (!faint || SPEAKS.includes(visit.standing)) layer.addLayer(stop(visit, person, mine ? index + 1 : 0));
    });
    if (person.at) {
      const mark = document.createElement("span");
      mark.textContent = person.stale ? "?" : person.name.slice(0, 1);
      const pin = L.marker(person.at, { icon: L.divIcon({ className: `person${person.stale ? " stale" : ""}${mine ? " chosen" : ""}`, html: mark, iconSize: [26, 26] }), keyboard: false, zIndexOffset: 1000, opacity: faint ? 0.45 : 1 });
      pin.bindTooltip(words(person.name, person.seen));
      pin.on("click", (event) => {
        L.DomEvent.stopPropagation(event);
        choose(person.id, null, true);
      });
      layer.addLayer(pin);
    }
  }
}

function marked() {
  for (const row of board.querySelectorAll("[data-technician]")) row.classList.toggle("chosen", chosen.technician !== null && row.dataset.technician === chosen.technician);
  for (const link of board.querySelectorAll("a.visit[data-visit]")) (link.closest(".bar") ?? link).classList.toggle("chosen", link.dataset.visit === chosen.visit);
}

function redraw() {
  marked();
  if (!map) return;
  const people = read();
  const now = JSON.stringify([people, chosen]);
  if (now === drawn) return;
  drawn = now;
  draw(people);
  const points = people.flatMap((person) => [...person.visits.map((visit) => visit.at), ...(person.at ? [person.at] : [])]);
  if (!fitted && points.length) {
    map.fitBounds(points, { padding: [24, 24], maxZoom: 15, animate: false });
    fitted = true;
  }
  const mine = people.find((person) => person.id === chosen.technician && person.id !== "");
  const theirs = mine ? [...mine.visits.map((visit) => visit.at), ...(mine.at ? [mine.at] : [])] : [];
  if (theirs.length && !theirs.some((at) => map.getBounds().contains(at))) map.fitBounds(theirs, { padding: [24, 24], maxZoom: 15, animate: false });
}

function choose(technician, visit, fromMap = false) {
  if (chosen.technician === technician && chosen.visit === visit) return;
  chosen = { technician, visit };
  redraw();
  if (!fromMap || technician === null) return;
  const there = visit ? board.querySelector(`a.visit[data-visit="${visit}"]`) : board.querySelector(`[data-technician="${technician}"]`);
  (there?.querySelector(".work") ?? there)?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Without tiles: a plain grid whose squares say where they are.
function ground() {
  if (aside.dataset.tiles) return L.tileLayer(aside.dataset.tiles, { maxZoom: 19 });
  const Grid = L.GridLayer.extend({
    createTile({ x, y, z }) {
      const tile = document.createElement("div");
      tile.className = "grid-tile";
      const corner = this._map.unproject([x * 256, y * 256], z);
      tile.textContent = `${corner.lat.toFixed(z > 12 ? 3 : 2)}, ${corner.lng.toFixed(z > 12 ? 3 : 2)}`;
      return tile;
    },
  });
  return new Grid({ maxZoom: 19 });
}

function open() {
  const centre = aside.dataset.centre ? aside.dataset.centre.split(",").map(Number) : [36.5, 137.5];
  map = L.map(aside.firstElementChild, { preferCanvas: true, attributionControl: Boolean(aside.dataset.tiles), zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, doubleClickZoom: false }).setView(centre, 11);
  map.attributionControl?.setPrefix(false);
  ground().addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  layer = L.layerGroup().addTo(map);
  map.on("click", () => choose(null, null));
  new ResizeObserver(() => map.invalidateSize()).observe(aside);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawn = ""; redraw(); });
  redraw();
}

function load() {
  if (map || document.getElementById("leaflet") || !aside.checkVisibility()) return;
  const script = document.createElement("script");
  script.id = "leaflet";
  script.src = aside.dataset.leaflet;
  script.addEventListener("load", open);
  document.head.append(script);
}

board.addEventListener("shown", redraw);
board.addEventListener("focusin", (event) => {
  const link = event.target.closest("a.visit[data-visit]");
  if (link) choose(link.closest("[data-technician]").dataset.technician, link.dataset.visit);
});
board.addEventListener("click", (event) => {
  const header = event.target.closest("[data-technician] > header");
  if (header && !event.target.closest("a")) choose(header.parentElement.dataset.technician, null);
});
addEventListener("resize", load);
load();
