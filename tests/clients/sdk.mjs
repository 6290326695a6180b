// A project's life with @neon/sdk: its ergonomic client, which waits for operations itself.

import { createNeonClient, raw } from "@neon/sdk";
import { afterTime, base, byAge, expect, key, login, query, step } from "./life.mjs";

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
const roles = await call("postgres.roles.list", of);
const before = afterTime(roles.map((role) => role.created_at).sort().at(-1));
await new Promise((resolve) => setTimeout(resolve, 5));
await call("postgres.roles.create", { ...of, name: "late" });
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
expect(dev.error, "several roles and two databases to choose from");
const [branch] = await all("branches.list", { projectId, search: "dev" });
const child = { projectId, branchId: branch.id };
const uri = await call("postgres.connectionString", {
  ...child,
  roleName: "sally",
  databaseName: "stock",
});
await step("psql by the string of connectionString", () => login(uri));
await step("psql to a branch", () => query(uri, "CREATE TABLE notes (id int)"));
await call("branches.compareSchema", { ...child, databaseName: "stock" });
await call("branches.resetFromParent", child);
await step("psql after the reset", () => login(uri));
await call("branches.setDefault", child);
await call("branches.setDefault", of);
await call("branches.create", {
  projectId,
  name: "past",
  parent_id: main.id,
  parent_timestamp: before,
});
const [past] = await all("branches.list", { projectId, search: "past" });
const then = (await neon.postgres.roles.list({ projectId, branchId: past.id })).map(
  (role) => role.name,
);
expect(then.includes("sally") && !then.includes("late"), `roles at the cutoff: ${then}`);
// Its ergonomic client resets, and leaves every other restore to the plain one.
const restored = await step("raw.restoreProjectBranch", () =>
  raw.restoreProjectBranch({
    client: neon.client,
    path: { project_id: projectId, branch_id: branch.id },
    body: { source_branch_id: past.id },
    throwOnError: true,
  }),
);
await call("operations.waitFor", { operations: restored.operations });
// Her password and the databases are those of that time again.
await step("psql after the restore", async () => {
  const asked = { ...child, roleName: "sally", databaseName: "neondb" };
  return login(await neon.postgres.connectionString(asked));
});
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

await call("branches.delete", { projectId, branchId: past.id });
await call("branches.delete", child);
await call("projects.delete", { projectId });
await step("projects.get of what is gone", async () => {
  const { error } = await neon.projects.get({ projectId }, { throwOnError: false });
  return { kind: error.kind, status: error.status, code: error.code };
});
