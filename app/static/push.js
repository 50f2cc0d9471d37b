// Offers to tell the customer on this device, where her browser can; without this script the page lacks nothing else.
const offer = document.getElementById("push");
const button = offer?.querySelector("button");
const said = offer?.querySelector("[role=status]");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const say = (what) => { said.textContent = offer.dataset[what]; };

async function subscribe() {
  if (await Notification.requestPermission() !== "granted") return say("denied");
  const worker = await navigator.serviceWorker.register(offer.dataset.worker);
  const wish = { userVisibleOnly: true, applicationServerKey: bytes(offer.dataset.key) };
  const made = (await (await active(worker)).pushManager.subscribe(wish)).toJSON();
  const form = new URLSearchParams({ endpoint: made.endpoint, p256dh: made.keys.p256dh, auth: made.keys.auth });
  const reply = await fetch(offer.dataset.add, { method: "POST", body: form });
  if (!reply.ok) return say("failed");
  button.hidden = true;
  say("done");
}

// The worker's folder is not this page's, so `ready` never comes: wait for the worker itself.
function active(registration) {
  const worker = registration.installing || registration.waiting;
  if (registration.active || !worker) return registration;
  return new Promise((resolve) => {
    worker.addEventListener("statechange", () => { if (worker.state === "activated") resolve(registration); });
  });
}

if (offer && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  offer.hidden = false;
  if (Notification.permission === "denied") { button.disabled = true; say("denied"); }
  button.addEventListener("click", () => subscribe().catch(() => say("failed")));
}
