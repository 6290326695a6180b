// What the scripts of Render's JavaScript clients share: a project made over Neon's API, and its
// default branch as the database that it is to Render's.

import { base, expect, key, step } from "./life.mjs";

export const renderBase = base.replace("/api/v2", "/v1");

// Asks the server directly.
async function ask(method, url, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  expect(answer.ok, `${method} ${url}: ${answer.status}`);
  return answer.json();
}

// Waits until all operations of a project have ended.
export async function settle(project) {
  const ended = ["finished", "failed", "skipped"];
  for (let round = 0; round < 600; round += 1) {
    const { operations } = await ask("GET", `${base}/projects/${project}/operations`);
    if (operations.every(({ status }) => ended.includes(status))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("operations that do not end");
}

// Creates a project, and returns its id and that of its default branch.
export async function begin() {
  const created = await ask("POST", `${base}/projects`, { project: { name: "shop" } });
  await settle(created.project.id);
  return { project: created.project.id, branch: created.branch.id };
}

// Checks that a call fails, and prints how.
export async function refused(name, work, told) {
  await step(`${name}, refused`, async () => {
    try {
      await work();
    } catch (error) {
      return told(error);
    }
    throw new Error(`${name} should have been refused`);
  });
}
