// The map, the second face of the same board: it draws what stands on the page, and nothing that does not.
import { show as openVisit } from "./board.js";

const aside = document.getElementById("day-map");
const said = document.getElementById("map-said");
const board = document.getElementById("board");
const ICONS = "/static/icons.svg";
const SPEAKS = ["not-told", "unknown", "unassigned", "risk", "told"]; // worst first: these have a shape; the others are dots
const SHAPE = { unassigned: "unknown", "no-access": "cancelled" };
const OVER = ["done", "no-access", "cancelled"];
const MANY = 12; // above it nobody's route can be told from another's: only the one that is asked for is drawn
const NEAR_PX = 30; // marks nearer than this are drawn as one with their number
const RESTS_MS = 120;
const NAMED = 6; // so many of them are named where somebody rests
let map = null;
let all = null; // everybody, small
let one = null; // the route of who is chosen or rested on
let lines = null; // what draws its lines: an SVG lets through what lies below
let drawn = "";
let routed = "";
let chosen = { technician: null, visit: null };
let rested = null;
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
      id: link.dataset.visit, at: place(link), name: link.dataset.name, standing: link.dataset.standing, words: link.dataset.window,
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

const shape = (standing) => `<svg aria-hidden="true"><use href="${ICONS}#${SHAPE[standing] ?? standing}"></use></svg>`;
const speaks = (visit) => SPEAKS.includes(visit.standing);
const over = (visit) => OVER.includes(visit.standing);
const about = (visit, person) => [visit.name, [visit.words, person.name].filter(Boolean).join(" · ")];
const short = (name) => name.split(/\s/)[0].slice(0, 8);

function mark(at, className, content, [title, more], onClick, { zIndexOffset = 0, pane = "markerPane" } = {}) {
  const face = document.createElement("span");
  face.innerHTML = content.shape ?? "";
  face.append(content.text ?? "");
  const marker = L.marker(at, { icon: L.divIcon({ className, html: face, iconSize: null }), keyboard: false, zIndexOffset, pane });
  marker.bindTooltip(words(title, more));
  marker.on("click", (event) => {
    L.DomEvent.stopPropagation(event);
    onClick();
  });
  return marker;
}

// Marks that would lie on each other, together: [[item, …]]; items come worst first.
function together(items) {
  const groups = [];
  for (const item of items) {
    const point = map.latLngToLayerPoint(item.at);
    const near = groups.find((group) => group.point.distanceTo(point) < NEAR_PX);
    if (near) near.items.push(item);
    else groups.push({ point, items: [item] });
  }
  return groups.map((group) => group.items);
}

// Whoever presses a mark of several sees them apart; where they share one door, the worst.
function apart(items, choice) {
  const bounds = L.latLngBounds(items.map((item) => item.at));
  if (map.getZoom() < 17 && !bounds.getSouthWest().equals(bounds.getNorthEast(), 1e-4)) map.fitBounds(bounds, { padding: [32, 32], maxZoom: 17, animate: false });
  else choice(items[0]);
}

function many(items, className, content, titles, choice, zIndexOffset) {
  const [first, second] = items;
  const listed = items.slice(0, NAMED).map((item) => titles(item).filter(Boolean).join(" "));
  if (items.length > NAMED) listed.push(`+${items.length - NAMED}`);
  const tip = second ? [String(items.length), listed.join("\n")] : titles(first);
  return mark(first.at, className, second ? { ...content, text: String(items.length) } : content, tip, () => (second ? apart(items, choice) : choice(first)), { zIndexOffset });
}

function drawAll(people) {
  all.clearLayers();
  const ink = css("--ink");
  const crowd = people.filter((person) => person.id !== "").length > MANY;
  const stops = people.flatMap((person) => person.visits.map((visit) => ({ ...visit, person })));
  if (!crowd) for (const person of people) for (const line of route(person, { color: ink, weight: 1.5, opacity: 0.35 })) all.addLayer(line);
  for (const stop of stops.filter((visit) => !speaks(visit) && !(crowd && over(visit)))) {
    const dot = L.circleMarker(stop.at, { radius: over(stop) || crowd ? 3 : 5, weight: crowd ? 1 : 1.5, color: ink, fillColor: css(over(stop) ? "--done" : stop.standing === "on-site" ? "--ink" : "--surface"), fillOpacity: 1, opacity: over(stop) || crowd ? 0.5 : 1 });
    dot.bindTooltip(words(...about(stop, stop.person)));
    dot.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      choose(stop.person.id, stop.id, true);
    });
    all.addLayer(dot);
  }
  const loud = stops.filter(speaks).sort((a, b) => SPEAKS.indexOf(a.standing) - SPEAKS.indexOf(b.standing));
  for (const group of together(loud)) {
    const { standing } = group[0];
    all.addLayer(many(group, `stop s-${standing}`, { shape: shape(standing) }, (stop) => about(stop, stop.person), (stop) => choose(stop.person.id, stop.id, true), crowd ? 1000 : 0));
  }
  const seen = people.filter((person) => person.at).sort((a, b) => a.stale - b.stale);
  for (const group of together(seen)) {
    const stale = group.every((person) => person.stale);
    all.addLayer(many(group, `person${stale ? " stale" : ""}`, { text: `${stale ? "? " : ""}${short(group[0].name)}` }, (person) => [person.name, person.seen], (person) => choose(person.id, null, true), 500));
  }
  return crowd;
}

// The lines of somebody's day: what is over paler, the way that is driven now dashed.
function route(person, line) {
  if (person.id === "") return [];
  const past = person.visits.filter(over);
  const open = person.visits.filter((visit) => !over(visit));
  const ahead = [past.at(-1)?.at, ...open.map((visit) => visit.at)].filter(Boolean);
  const drawnLines = [];
  if (past.length > 1) drawnLines.push(L.polyline(past.map((visit) => visit.at), { ...line, interactive: false, opacity: line.opacity / 2 }));
  if (ahead.length > 1) drawnLines.push(L.polyline(ahead, { ...line, interactive: false }));
  if (person.at && open.length) drawnLines.push(L.polyline([person.at, open[0].at], { ...line, interactive: false, dashArray: "4 5" }));
  return drawnLines;
}

function drawOne(person) {
  one.clearLayers();
  const pane = "one";
  for (const line of route(person, { color: css("--focus"), weight: 4, opacity: 0.9, renderer: lines })) one.addLayer(line);
  person.visits.forEach((visit, index) => {
    const picked = visit.id === chosen.visit ? " chosen" : "";
    const numbered = person.id === "" ? { shape: shape(visit.standing) } : { text: String(index + 1) };
    one.addLayer(mark(visit.at, `stop s-${visit.standing}${picked}`, numbered, about(visit, person), () => choose(person.id, visit.id, true), { pane, zIndexOffset: picked ? 500 : 0 }));
  });
  if (person.at) one.addLayer(mark(person.at, `person chosen${person.stale ? " stale" : ""}`, { text: `${person.stale ? "? " : ""}${short(person.name)}` }, [person.name, person.seen], () => choose(person.id, null, true), { pane, zIndexOffset: 1000 }));
}

function marked() {
  for (const row of board.querySelectorAll("[data-technician]")) row.classList.toggle("chosen", chosen.technician !== null && row.dataset.technician === chosen.technician);
  for (const link of board.querySelectorAll("a.visit[data-visit]")) (link.closest(".bar") ?? link).classList.toggle("chosen", link.dataset.visit === chosen.visit);
}

// The route that is shown: of whom somebody rests on, else of who is chosen.
function follow(people = read()) {
  const id = rested ?? chosen.technician;
  const person = id === null ? null : people.find((other) => other.id === id);
  const now = JSON.stringify([person, chosen.visit]);
  if (now === routed) return;
  routed = now;
  if (person) drawOne(person);
  else one.clearLayers();
  aside.classList.toggle("follows", Boolean(person));
  said.textContent = person ? person.name : aside.classList.contains("crowd") ? said.dataset.crowd : "";
}

// Rows that roll by below the pointer are not rested on.
function rest(technician) {
  if (technician === rested) return;
  rested = technician;
  clearTimeout(rest.timer);
  rest.timer = setTimeout(() => { if (map) follow(); }, RESTS_MS);
}

function redraw() {
  marked();
  if (!map) return;
  const people = read();
  const points = people.flatMap((person) => [...person.visits.map((visit) => visit.at), ...(person.at ? [person.at] : [])]);
  if (!fitted && points.length) {
    map.fitBounds(points, { padding: [24, 24], maxZoom: 15, animate: false });
    fitted = true;
  }
  const now = JSON.stringify([people, map.getZoom()]);
  if (now !== drawn) {
    drawn = now;
    aside.classList.toggle("crowd", drawAll(people));
    routed = "";
  }
  follow(people);
  const mine = people.find((person) => person.id === chosen.technician && person.id !== "");
  const theirs = mine ? [...mine.visits.map((visit) => visit.at), ...(mine.at ? [mine.at] : [])] : [];
  if (theirs.length && !theirs.some((at) => map.getBounds().contains(at))) map.fitBounds(theirs, { padding: [24, 24], maxZoom: 15, animate: false });
}

// Above the lists, on a tablet, the map would be rolled away by what it is asked.
const besideMap = () => aside.getBoundingClientRect().left > board.getBoundingClientRect().left;

// On the map the first press chooses, the second opens.
function choose(technician, visit, fromMap = false) {
  if (chosen.technician === technician && chosen.visit === visit) {
    if (fromMap && visit) openVisit(board.querySelector(`a.visit[data-visit="${visit}"]`).getAttribute("href"));
    return;
  }
  chosen = { technician, visit };
  rested = null;
  redraw();
  if (!fromMap || technician === null || !besideMap()) return;
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
  map = L.map(aside.firstElementChild, { preferCanvas: true, attributionControl: Boolean(aside.dataset.tiles), zoomSnap: aside.dataset.tiles ? 1 : 0.25, zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, doubleClickZoom: false }).setView(centre, 11);
  map.attributionControl?.setPrefix(false);
  ground().addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  all = L.layerGroup().addTo(map);
  // One's route lies above everybody's marks and below what is said of them.
  map.createPane("route").style.zIndex = 615;
  map.createPane("one").style.zIndex = 620;
  lines = L.svg({ pane: "route" });
  one = L.layerGroup().addTo(map);
  map.on("click", () => choose(null, null));
  map.on("zoomend", redraw);
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
// Who rests on somebody's row sees their route; who leaves it, the chosen one's again.
board.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  rest(event.target.closest("[data-technician]")?.dataset.technician ?? null);
});
board.addEventListener("pointerleave", () => rest(null));
addEventListener("resize", load);
load();
