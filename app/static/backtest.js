// How far is the run? The page looks again every two seconds, and shows the result once there is one.
const again = async () => {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = document.getElementById("progress");
      const then = next.getElementById("progress");
      if (!then) {
        location.reload();
        return;
      }
      // Only what has changed is touched: whoever stands on the button keeps standing on it.
      now.querySelector("p").textContent = then.querySelector("p").textContent;
      now.querySelector("progress").value = then.querySelector("progress").value;
    }
  } catch {
    // No connection just now: the next look tells.
  }
  setTimeout(again, 2000);
};
setTimeout(again, 2000);
