// What was tapped and measured, kept on this phone until the server has answered for it: in order, and once.
import { openDB } from "./vendor/idb@8.0.4/index.js";

const FIXES_KEPT_MS = 48 * 3600_000; // older positions tell nobody anything

const database = openDB("mamonaku", 1, {
  upgrade(db) {
    db.createObjectStore("waiting", { keyPath: "seq", autoIncrement: true });
  },
});

/** Resolves when this phone can keep things at all (some private windows cannot); drops positions of days ago. */
export async function ready() {
  const db = await database;
  const old = (await db.getAll("waiting")).filter((e) => e.kind === "fix" && e.at < Date.now() - FIXES_KEPT_MS);
  await forget(old);
}

/** Keep one entry {technician, kind, at, …}. */
export async function keep(entry) {
  await (await database).add("waiting", entry);
}

/** What waits for one technician, oldest first. Nobody else's entries are ever handed out. */
export async function waiting(technician) {
  return (await (await database).getAll("waiting")).filter((entry) => entry.technician === technician);
}

/** Drop entries that have been answered for. */
export async function forget(entries) {
  const work = (await database).transaction("waiting", "readwrite");
  await Promise.all([...entries.map((entry) => work.store.delete(entry.seq)), work.done]);
}

/** A random key; randomUUID is missing where the connection is not secure. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
