// Where is the phone? Watches the position while the page is visible, and says in which state the sharing is.
import { metres } from "./technician-motion.js";

export const SILENT_MS = 90_000;
const SHARE_EVERY_MS = 12_000;
const SHARE_EVERY_M = 25;
const SHARE_NOT_BEFORE_MS = 5_000;
const PAUSE_WORTH_SAYING_MS = 60_000;
const SHARED_UNTIL = "mamonaku.shared_until";
const ASK_AFTER_MS = 30_000; // a phone that lies still may report nothing until it is asked
const PAUSE_FORGOTTEN_MS = 6 * 3600_000;

/** Whether a fix is worth sending after the one sent last: every 12 s, or 25 m but not more than every 5 s. */
export function worthSharing(last, fix) {
  if (!last) return true;
  const passed = fix.at - last.at;
  return passed >= SHARE_EVERY_MS || (passed >= SHARE_NOT_BEFORE_MS && metres(last, fix) >= SHARE_EVERY_M);
}

/**
 * Watch the position. `onFix` gets every fix {at, lat, lon, accuracy, speed}, `onShare` those worth sending, `onChange`
 * is called when `state` changes: off, insecure, unsupported, ask, denied, starting, sharing, no_fix.
 */
export class Place {
  state = "off";
  fixAt = null;
  paused = null; // {from, until} of the last pause worth telling, in ms

  #watch = null;
  #lock = null;
  #shared = null;
  #since = null;
  #wanted = false;
  #permission = null;
  #askedAt = 0;

  constructor({ onFix, onShare, onChange }) {
    Object.assign(this, { onFix, onShare, onChange });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#resume()));
    addEventListener("pagehide", () => this.#pause());
  }

  /** Share from now on, or stop because there is nothing to visit any more. */
  async want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (!wanted) {
      this.#stop();
      localStorage.removeItem(SHARED_UNTIL);
      return this.#become("off");
    }
    if (!window.isSecureContext) return this.#become("insecure");
    if (!navigator.geolocation) return this.#become("unsupported");
    this.#permission = (await navigator.permissions?.query({ name: "geolocation" }).catch(() => null)) ?? null;
    this.#permission?.addEventListener("change", () => {
      if (this.#permission.state === "granted" && this.#wanted) this.start();
    });
    if (this.#permission?.state === "prompt") return this.#become("ask");
    this.#resume();
  }

  /** Begin; the browser may ask the technician for permission. */
  start() {
    if (this.#watch !== null || document.hidden) return;
    this.#since = Date.now();
    this.#become("starting");
    this.#watch = navigator.geolocation.watchPosition(
      (position) => this.#take(position),
      (error) => this.#fail(error),
      { enableHighAccuracy: true, maximumAge: 5_000, timeout: 60_000 },
    );
    this.#stayAwake();
  }

  /** Ask again when the phone has become silent, and say so in the end; called every few seconds. */
  tick() {
    if (this.#watch === null) return;
    const silent = Date.now() - Math.max(this.fixAt ?? 0, this.#since);
    if (silent >= ASK_AFTER_MS && Date.now() - this.#askedAt >= ASK_AFTER_MS) {
      this.#askedAt = Date.now();
      navigator.geolocation.getCurrentPosition(
        (position) => this.#take(position),
        (error) => this.#fail(error),
        { enableHighAccuracy: true, maximumAge: 0, timeout: ASK_AFTER_MS },
      );
    }
    if (silent >= SILENT_MS) this.#become("no_fix");
  }

  #take(position) {
    const { latitude, longitude, accuracy, speed } = position.coords;
    if (this.#watch === null) return; // an answer to a question from before the pause
    const fix = { at: Math.round(position.timestamp), lat: latitude, lon: longitude, accuracy, speed };
    this.fixAt = fix.at;
    this.#become("sharing");
    this.onFix(fix);
    if (!worthSharing(this.#shared, fix)) return;
    this.#shared = fix;
    localStorage.setItem(SHARED_UNTIL, String(Date.now()));
    this.onShare(fix);
  }

  #fail(error) {
    if (error.code === error.PERMISSION_DENIED) {
      this.#stop();
      localStorage.removeItem(SHARED_UNTIL);
      this.#become("denied");
    }
  }

  #pause() {
    if (this.state === "sharing") localStorage.setItem(SHARED_UNTIL, String(Date.now()));
    this.#stop();
  }

  #resume() {
    if (!this.#wanted || ["insecure", "unsupported", "ask"].includes(this.state)) return;
    const last = Number(localStorage.getItem(SHARED_UNTIL));
    const until = Date.now();
    if (last && until - last >= PAUSE_WORTH_SAYING_MS && until - last < PAUSE_FORGOTTEN_MS) {
      this.paused = { from: last, until };
    }
    this.start();
  }

  #stop() {
    if (this.#watch !== null) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = null;
    this.#lock?.release().catch(() => {});
    this.#lock = null;
  }

  async #stayAwake() {
    this.#lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  #become(state) {
    const changed = state !== this.state;
    this.state = state;
    if (changed || state === "sharing") this.onChange();
  }
}
