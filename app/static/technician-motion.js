// Is the phone moving, so that nothing may be pressed? Pure: fixes and instants in, a small memory out.

export const MOVING_MPS = 2; // faster than a walk
export const STANDS_AFTER_MS = 25_000; // a stop in traffic is shorter; the page must not flicker at every light
export const FORGOTTEN_AFTER_MS = 90_000; // without any fix nothing is known: the controls come back
const EARTH_M = 6_371_008.8;

/** Metres between two fixes {lat, lon}. */
export function metres(a, b) {
  const north = ((b.lat - a.lat) * Math.PI) / 180;
  const east = (((b.lon - a.lon) * Math.PI) / 180) * Math.cos((((a.lat + b.lat) / 2) * Math.PI) / 180);
  return EARTH_M * Math.hypot(north, east);
}

/** What is known before the first fix. */
export const UNKNOWN = Object.freeze({ fix: null, fastInRow: 0, fastAt: null, moving: false });

/**
 * The memory after one more fix {at (ms), lat, lon, accuracy (m), speed (m/s or null)}. Two fast fixes in a row are
 * driving; one may be noise. Standing is 25 s without a fast one.
 */
export function observe(memory, fix) {
  if (memory.fix && fix.at <= memory.fix.at) return memory;
  const fast = speed(memory.fix, fix) >= MOVING_MPS;
  const fastInRow = fast ? memory.fastInRow + 1 : 0;
  const fastAt = fast ? fix.at : memory.fastAt;
  const stands = fastAt === null || fix.at - fastAt >= STANDS_AFTER_MS;
  return { fix, fastInRow, fastAt, moving: fastInRow >= 2 || (memory.moving && !stands) };
}

/** Whether the phone counts as moving at an instant (ms). */
export function isMoving(memory, now) {
  return memory.moving && now - memory.fix.at < FORGOTTEN_AFTER_MS;
}

/** What the phone measured, else what the way from the fix before shows beyond both fixes' uncertainty. */
function speed(before, fix) {
  if (fix.speed !== null && fix.speed !== undefined && !Number.isNaN(fix.speed)) return fix.speed;
  if (!before) return 0;
  const way = metres(before, fix) - Math.max(before.accuracy || 0, fix.accuracy || 0);
  return way > 0 ? way / ((fix.at - before.at) / 1000) : 0;
}
