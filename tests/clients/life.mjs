// What the scripts of Neon's clients share: steps with a name, and what is printed of each.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export const base = process.env.OFFSHOOT_BASE;
export const key = process.env.OFFSHOOT_KEY;

// Does a step: says its name to whoever records the requests, and prints what came of it.
export async function step(name, work) {
  await fetch(process.env.OFFSHOOT_STEPS + encodeURIComponent(name));
  const result = await work();
  console.log(`## ${name}`);
  console.log(JSON.stringify(result === undefined ? null : result, null, 2));
  return result;
}

// Logs in with psql by a connection string, and says as whom and where.
export function login(uri) {
  return query(uri, "SELECT session_user || ' in ' || current_database()");
}

// Logs in with psql by a connection string, and says what it answers.
export async function query(uri, sql) {
  const { stdout } = await run("psql", ["-XAtq", uri, "-c", sql]);
  return stdout.trim();
}

// Sorts things by their age; some are listed by ids, which are drawn.
export function byAge(a, b) {
  return a.created_at < b.created_at ? -1 : 1;
}

// Checks that something is so.
export function expect(condition, words) {
  if (!condition) throw new Error(words);
}

// Neon's clients take a time for one only with whole seconds or milliseconds.
export function afterTime(time) {
  return new Date(Date.parse(time) + 1).toISOString();
}
