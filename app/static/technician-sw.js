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
  const ours = pathname === PAGE || SHELL.includes(pathname);
  if (event.request.method === "GET" && ours) event.respondWith(answer(event.request, pathname));
});

async function answer(request, key) {
  const cache = await caches.open(KEPT);
  try {
    const fresh = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (fresh.ok) await cache.put(key, fresh.clone());
    if (fresh.status === 401) await cache.delete(PAGE); // signed out: nobody's day is kept on this phone
    return fresh;
  } catch (error) {
    const kept = await cache.match(key);
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set("X-Kept", "1");
    return new Response(kept.body, { status: kept.status, headers });
  }
}
