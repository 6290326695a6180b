// A branch's credentials with openapi-fetch, which Render's own SDK for JavaScript is made of.

import createClient from "openapi-fetch";
import { expect, key, login, step } from "./life.mjs";
import { begin, renderBase, settle } from "./render_life.mjs";

const { project } = await begin();
const headers = { Authorization: `Bearer ${key}` };
const client = createClient({ baseUrl: renderBase, headers });

const call = (method, path, options, status) =>
  step(`${method} ${path}${status < 300 ? "" : ", refused"}`, async () => {
    const { data, error, response } = await client[method](path, options);
    expect(response.status === status, `${method} ${path}: ${response.status}`);
    return data ?? error;
  });

const credentials = "/postgres/{postgresId}/credentials";
const [{ postgres }] = await call("GET", "/postgres", { params: { query: { limit: 1 } } }, 200);
const path = { postgresId: postgres.id };
await call("GET", "/postgres/{postgresId}", { params: { path } }, 200);
await call("GET", credentials, { params: { path } }, 200);
await call("POST", credentials, { params: { path }, body: { username: "app_2" } }, 202);
await settle(project);
const info = await call("GET", "/postgres/{postgresId}/connection-info", { params: { path } }, 200);
await step("psql by the string", () => login(info.externalConnectionString));
const user = `${credentials}/{username}`;
const original = { params: { path: { ...path, username: "neondb_owner" } } };
await call("PUT", `${user}/default`, original, 200);
await call("DELETE", user, original, 400);
await call("DELETE", user, { params: { path: { ...path, username: "app_2" } } }, 200);
await call("POST", credentials, { params: { path }, body: { username: "a#b" } }, 400);
await call("GET", credentials, { params: { path } }, 200);
