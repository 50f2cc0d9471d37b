// Keeps the phone page openable without a signal: the network first, the kept copy when it does not answer.

const KEPT = "technician-1";
const PAGE = "/t";
const SHELL = [
  "tokens.css",
  "app.css",
  "technician.css",
  "technician.js",
  "technician-motion.js",
  "technician-place.js",
  "technician-queue.js",
  "vendor/idb@8.0.4/index.js",
  "icons.svg",
  "icon.svg",
].map((name) => `/static/${name}`);
const PATIENCE_MS = 6_000; // a bar of signal that carries nothing is no signal

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method === "GET" && (pathname === PAGE || SHELL.includes(pathname))) {
    event.respondWith(answer(event.request, pathname));
  } else if (event.request.method === "POST" && (pathname.startsWith("/t/in/") || pathname === "/t/out")) {
    event.waitUntil(forgetPage()); // whoever comes next must not see the day of whoever was here
  }
});

async function forgetPage() {
  await (await caches.open(KEPT)).delete(PAGE);
}

async function answer(request, key) {
  const kept = await (await caches.open(KEPT)).match(key);
  const network = fetchAndKeep(request, key);
  if (!kept) return network;
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const fresh = await Promise.race([network.catch(() => null), patience]);
  if (fresh) return fresh;
  const headers = new Headers(kept.headers);
  headers.set("X-Kept", "1");
  return new Response(kept.body, { status: kept.status, headers });
}

async function fetchAndKeep(request, key) {
  const fresh = await fetch(request);
  if (fresh.ok) await (await caches.open(KEPT)).put(key, fresh.clone());
  if (fresh.status === 401) await forgetPage();
  return fresh;
}
