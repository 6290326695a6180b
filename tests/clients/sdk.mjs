// A project's life with @neon/sdk: its ergonomic client, which waits for operations itself.

import { createNeonClient } from "@neon/sdk";
import { base, byAge, expect, key, login, step } from "./life.mjs";

const neon = createNeonClient({
  apiKey: key,
  baseUrl: base,
  throwOnError: true,
  waitForReadiness: true,
  wait: { pollIntervalMs: 50 },
});

// Calls a method by its path, and prints what it returns.
const call = (path, ...args) =>
  step(path, () => {
    const parts = path.split(".");
    const method = parts.pop();
    const holder = parts.reduce((found, part) => found[part], neon);
    return holder[method](...args);
  });

// Calls a method that lists pages, and prints all of them.
const all = (path, ...args) =>
  step(path, () => {
    const parts = path.split(".");
    const method = parts.pop();
    const holder = parts.reduce((found, part) => found[part], neon);
    return holder[method](...args).all();
  });

const { project, connectionString } = await call("projects.createAndConnect", { name: "shop" });
const projectId = project.id;
await step("psql by the string of createAndConnect", () => login(connectionString));
await call("projects.get", { projectId });
await call("projects.update", { projectId, name: "store" });
await all("projects.list", { search: "STORE" });
const main = await call("branches.getDefault", { projectId });
const of = { projectId, branchId: main.id };

await call("postgres.roles.create", { ...of, name: "sally" });
const password = await call("postgres.roles.password", { ...of, roleName: "sally" });
const reset = await call("postgres.roles.resetPassword", { ...of, roleName: "sally" });
expect(reset.password !== password, "another password");
await call("postgres.roles.list", of);
await call("postgres.roles.get", { ...of, roleName: "sally" });

await call("postgres.databases.create", { ...of, name: "orders", owner_name: "sally" });
await call("postgres.databases.update", { ...of, databaseName: "orders", name: "stock" });
await call("postgres.databases.get", { ...of, databaseName: "stock" });
await call("postgres.databases.list", of);

const dev = await call("branches.createAndConnect", {
  projectId,
  name: "dev",
  parentId: main.id,
}).catch((error) => ({ error: `${error.kind}: ${error.message}` }));
await step("branches.createAndConnect, without choosing among several", () => dev.error ?? null);
expect(dev.error, "two roles and two databases to choose from");
const [branch] = await all("branches.list", { projectId, search: "dev" });
const child = { projectId, branchId: branch.id };
const uri = await call("postgres.connectionString", {
  ...child,
  roleName: "sally",
  databaseName: "stock",
});
await step("psql by the string of connectionString", () => login(uri));
const bare = await call("branches.create", { projectId, name: "bare", noCompute: true });
await call("branches.get", { projectId, branchId: bare.id });
await call("branches.update", { projectId, branchId: bare.id, name: "barer" });
await call("branches.delete", { projectId, branchId: bare.id });

const [endpoint] = await call("postgres.endpoints.listByBranch", child);
const at = { projectId, endpointId: endpoint.id };
await step("postgres.endpoints.list", async () => {
  const endpoints = await neon.postgres.endpoints.list({ projectId });
  return endpoints.sort(byAge);
});
await call("postgres.endpoints.get", at);
await call("postgres.endpoints.update", { ...at, suspend_timeout_seconds: 600 });
await call("postgres.endpoints.suspend", at);
await call("postgres.endpoints.start", at);
await call("postgres.endpoints.restart", at);
await call("postgres.endpoints.delete", at);
await call("postgres.endpoints.create", {
  projectId,
  branch_id: branch.id,
  type: "read_write",
});

await call("postgres.databases.delete", { ...of, databaseName: "stock" });
await call("postgres.roles.delete", { ...of, roleName: "sally" });
const operations = await all("operations.list", { projectId });
expect(
  operations.every((operation) => operation.status === "finished"),
  "all operations have finished",
);
await call("operations.get", { projectId, operationId: operations[0].id });
await call("operations.waitFor", { operations });

await call("user.me");
await call("user.organizations");
await call("regions.list");
const own = await call("apiKeys.create", { keyName: "laptop" });
await call("apiKeys.list");
await call("apiKeys.revoke", { keyId: own.id });
const granted = await call("projects.permissions.grant", {
  projectId,
  email: "casey@example.com",
});
await call("projects.permissions.list", { projectId });
await call("projects.permissions.revoke", { projectId, permissionId: granted.id });

await call("branches.delete", child);
await call("projects.delete", { projectId });
await step("projects.get of what is gone", async () => {
  const { error } = await neon.projects.get({ projectId }, { throwOnError: false });
  return { kind: error.kind, status: error.status, code: error.code };
});
