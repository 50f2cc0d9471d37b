// Shows a notice that came by push, says that it was shown, and opens the visit's page when it is touched.
self.addEventListener("push", (event) => {
  let notice;
  try { notice = event.data.json(); } catch { return; }
  const { text, page, reference } = notice;
  // "【Firm】text" or "Firm: text"; the address at its end is what a touch opens anyway.
  const [, firm, rest] = text.match(/^【(.+?)】(.+)$/s) || text.match(/^(.{1,40}?): (.+)$/s) || [null, text, ""];
  const body = rest.replace(/\s*https?:\S+/, "");
  const shown = self.registration.showNotification(firm, { body, tag: reference, data: { page }, icon: "/static/icon.svg" });
  const told = () => page && fetch(`${page}/shown`, { method: "POST", body: new URLSearchParams({ reference }) });
  event.waitUntil(shown.then(told).catch(() => {}));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  if (event.notification.data?.page) event.waitUntil(self.clients.openWindow(event.notification.data.page));
});
