// A branch's credentials with render-api.

import { RenderClient } from "render-api";
import { key, login, step } from "./life.mjs";
import { begin, refused, renderBase, settle } from "./render_life.mjs";

const { project, branch } = await begin();
const { postgres } = new RenderClient({ apiKey: key, baseUrl: renderBase, maxRetries: 0 });
const told = (error) => `${error.name}: ${error.message}`;
const call = (name, ...args) => step(name, () => postgres[name](...args));

const listed = await step("list", () => postgres.list());
const { id } = (listed.items ?? listed)[0].postgres ?? (listed.items ?? listed)[0];
await call("retrieve", id);
await call("retrieve", branch);
await call("listUsers", id);
await call("createUser", id, { username: "app_2" });
await settle(project);
const info = await call("connectionInfo", id);
await step("psql by the string", () => login(info.externalConnectionString));
await refused("deleteUser", () => postgres.deleteUser(id, "app_2"), told);
await refused("createUser", () => postgres.createUser(id, { username: "app_2" }), told);
await call("deleteUser", id, "neondb_owner");
await settle(project);
await call("listUsers", id);
await refused("retrieve", () => postgres.retrieve("dpg-00000000000000000000-a"), told);
