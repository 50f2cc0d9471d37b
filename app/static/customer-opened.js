// Says once that somebody has this page before her: shown for a moment, and not fetched by a scanner of links.
const say = () => {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", wait);
  fetch(`${location.pathname}/opened`, { method: "POST", keepalive: true });
};
const wait = () => setTimeout(say, 1500);
document.addEventListener("visibilitychange", wait);
wait();
