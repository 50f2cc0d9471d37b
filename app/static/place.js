// Finds the position of an address: asks our server, or takes a click on the map; the fields stay the truth.
{
  const lat = document.getElementById("lat");
  const lon = document.getElementById("lon");
  const address = document.getElementById("address");
  const button = document.getElementById("find-place");
  const said = document.getElementById("place-said");
  const canvas = document.getElementById("map");
  const centre = canvas?.dataset.centre ? canvas.dataset.centre.split(",").map(Number) : null;
  let map = null;
  let pin = null;

  const typed = () => {
    const north = Number.parseFloat(lat.value);
    const east = Number.parseFloat(lon.value);
    const real = Math.abs(north) <= 90 && Math.abs(east) <= 180;
    return real ? [north, east] : null;
  };

  // Without tiles: a plain grid whose squares say where they are.
  const Grid = L.GridLayer.extend({
    createTile({ x, y, z }) {
      const tile = document.createElement("div");
      tile.className = "grid-tile";
      const corner = this._map.unproject([x * 256, y * 256], z);
      tile.textContent = `${corner.lat.toFixed(z > 12 ? 4 : 2)}, ${corner.lng.toFixed(z > 12 ? 4 : 2)}`;
      return tile;
    },
  });

  function put(north, east) {
    lat.value = north.toFixed(6);
    lon.value = east.toFixed(6);
    for (const field of [lat, lon]) field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function draw() {
    const place = typed();
    if (!place) {
      pin?.remove();
      pin = null;
      return;
    }
    if (!pin) {
      pin = L.marker(place, { draggable: true, keyboard: false, icon: L.divIcon({ className: "pin", iconSize: [24, 32], iconAnchor: [12, 28] }) });
      pin.on("dragend", () => put(pin.getLatLng().lat, pin.getLatLng().lng));
      pin.addTo(map);
    }
    pin.setLatLng(place);
    if (!map.getBounds().contains(place) || map.getZoom() < 12) map.setView(place, Math.max(map.getZoom(), 16));
  }

  function open() {
    canvas.hidden = false;
    map = L.map(canvas, { attributionControl: Boolean(canvas.dataset.tiles), zoomAnimation: false, fadeAnimation: false }).setView(typed() ?? centre ?? [36.5, 137.5], typed() ? 16 : centre ? 12 : 5);
    map.attributionControl?.setPrefix(false);
    (canvas.dataset.tiles ? L.tileLayer(canvas.dataset.tiles, { maxZoom: 19 }) : new Grid({ maxZoom: 19 })).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    map.on("click", (event) => put(event.latlng.lat, event.latlng.lng));
    new ResizeObserver(() => map.invalidateSize()).observe(canvas);
    draw();
  }

  async function find() {
    if (!address.value.trim()) {
      address.focus();
      return;
    }
    button.disabled = true;
    said.className = "small";
    said.textContent = button.dataset.looking;
    try {
      const reply = await fetch(`${address.dataset.source}?q=${encodeURIComponent(address.value)}`, { headers: { Accept: "application/json" } });
      const answer = await reply.json();
      if (!reply.ok) throw new Error(answer.message ?? answer.title);
      said.textContent = button.dataset.found.replace("{name}", answer.name);
      put(answer.lat, answer.lon);
      map.setView([answer.lat, answer.lon], 16);
    } catch (error) {
      said.className = "small wrong";
      said.textContent = error instanceof TypeError || error instanceof SyntaxError ? button.dataset.silent : error.message;
    } finally {
      button.disabled = false;
    }
  }

  if (canvas) {
    open();
    button.type = "button";
    button.addEventListener("click", find);
    address.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      find();
    });
    for (const field of [lat, lon]) field.addEventListener("change", draw);
  }
}
