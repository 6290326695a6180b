// A project's life with @neondatabase/api-client: each method that Offshoot serves.

import { createApiClient } from "@neondatabase/api-client";
import { afterTime, base, byAge, expect, key, login, query, step } from "./life.mjs";

const api = createApiClient({ apiKey: key, baseURL: base });
const ended = ["finished", "failed", "skipped", "cancelled", "error"];

// Calls a method and prints its answer's status and body.
const call = (name, ...args) =>
  step(name, async () => {
    const { status, data } = await api[name](...args);
    return { status, data };
  }).then(({ data }) => data);

// Calls a method that is refused.
const refused = (name, ...args) =>
  step(`${name}, refused`, async () => {
    const error = await api[name](...args).then(
      () => undefined,
      (error) => error,
    );
    expect(error?.response, `${name} should have been refused`);
    const { code, message } = error.response.data;
    return { status: error.response.status, code, message };
  });

// Waits until all operations of an answer have ended well.
async function finish({ operations }) {
  for (const { id, project_id } of operations) {
    for (;;) {
      const { data } = await api.getProjectOperation(project_id, id);
      if (ended.includes(data.operation.status)) {
        expect(data.operation.status === "finished", JSON.stringify(data));
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const created = await call("createProject", { project: { name: "shop" } });
const { id } = created.project;
const main = created.branch.id;
const uri = created.connection_uris[0].connection_uri;
await finish(created);
await step("psql by the string of createProject", () => login(uri));
await call("getProject", id);
await call("listProjects", { limit: 10, search: "SHOP" });
await call("listSharedProjects", {});
await call("updateProject", id, { project: { name: "store" } });
await refused("getProject", "no-such-12345678");

const sally = await call("createProjectBranchRole", id, main, { role: { name: "sally" } });
await finish(sally);
await call("createProjectBranchRole", id, main, { role: { name: "group", no_login: true } });
await refused("createProjectBranchRole", id, main, { role: { name: "sally" } });
const listed = await call("listProjectBranchRoles", id, main);
const before = afterTime(listed.roles.map((role) => role.created_at).sort().at(-1));
await new Promise((resolve) => setTimeout(resolve, 5));
const late = await call("createProjectBranchRole", id, main, { role: { name: "late" } });
await call("getProjectBranchRole", id, main, "sally");
await call("getProjectBranchRolePassword", id, main, "sally");
const reset = await call("resetProjectBranchRolePassword", id, main, "sally");
expect(reset.role.password !== sally.role.password, "another password");
await finish(late);
await finish(reset);
await refused("deleteProjectBranchRole", id, main, "neondb_owner");
await call("deleteProjectBranchRole", id, main, "group");
await call("deleteProjectBranchRole", id, main, "group");

const past = await call("createProjectBranch", id, {
  branch: { name: "past", parent_id: main, parent_timestamp: before },
  endpoints: [{ type: "read_write" }],
  annotation_value: { "github-commit-ref": "past" },
});
await finish(past);
const child = past.branch.id;
const roles = past.roles.map((role) => role.name);
expect(roles.includes("sally") && !roles.includes("late"), `roles at the cutoff: ${roles}`);
const asked = { projectId: id, branch_id: child, database_name: "neondb", role_name: "sally" };
const direct = await call("getConnectionUri", asked);
const pooled = await call("getConnectionUri", { ...asked, pooled: true });
expect(direct.uri === pooled.uri, "there is no pooler");
await step("psql by the string of getConnectionUri", () => login(direct.uri));
await call("listProjectBranches", { projectId: id });
await call("listProjectBranches", {
  projectId: id,
  search: "a b",
  sort_by: "name",
  sort_order: "asc",
  limit: 5,
});
await call("countProjectBranches", { projectId: id, search: "past" });
await call("getProjectBranch", id, child);
await call("updateProjectBranch", id, child, { branch: { name: "renamed" } });
await refused("createProjectBranch", id, { branch: { name: "renamed" } });

const dev = await call("createProjectBranch", id, {
  branch: { name: "dev" },
  endpoints: [{ type: "read_write" }],
});
await finish(dev);
const ofDev = { projectId: id, branch_id: dev.branch.id, database_name: "neondb" };
const ofLate = (await api.getConnectionUri({ ...ofDev, role_name: "late" })).data.uri;
await step("psql to a branch", () => query(ofLate, "CREATE TABLE notes (id int)"));
const schema = { projectId: id, branchId: dev.branch.id, db_name: "neondb" };
await step("getProjectBranchSchema", async () => {
  const { data } = await api.getProjectBranchSchema(schema);
  return data.sql.split("\n").filter((line) => line.includes("notes"));
});
await call("getProjectBranchSchema", { ...schema, format: "json" });
await call("getProjectBranchSchemaComparison", schema);
await call("getProjectBranchSchemaComparison", { ...schema, base_branch_id: child });
await refused("getProjectBranchSchema", { ...schema, timestamp: before });
await finish(await call("restoreProjectBranch", id, dev.branch.id, { source_branch_id: main }));
const undone = await call("restoreProjectBranch", id, dev.branch.id, {
  source_branch_id: main,
  source_timestamp: before,
  preserve_under_name: "dev_old",
});
await finish(undone);
await refused("getConnectionUri", { ...ofDev, role_name: "late" });
const ofSally = (await api.getConnectionUri({ ...ofDev, role_name: "sally" })).data.uri;
await step("psql after the restore", () => login(ofSally));
await call("setDefaultProjectBranch", id, dev.branch.id);
await call("setDefaultProjectBranch", id, main);
await call("updateProjectBranch", id, child, {
  branch: { expires_at: new Date(Date.now() + 86_400_000).toISOString() },
});
await call("updateProjectBranch", id, child, { branch: { expires_at: null } });
await refused("recoverProject", "no-such-12345678");
await call("listProjectBranchEndpoints", id, child);
await call("listProjectBranchBuckets", id, child);
await call("listProjectBranchFunctions", { projectId: id, branchId: child });

await finish(
  await call("createProjectBranchDatabase", id, child, {
    database: { name: "orders", owner_name: "sally" },
  }),
);
await call("listProjectBranchDatabases", id, child);
await call("getProjectBranchDatabase", id, child, "orders");
await finish(
  await call("updateProjectBranchDatabase", id, child, "orders", { database: { name: "stock" } }),
);
await finish(await call("deleteProjectBranchDatabase", id, child, "stock"));
await refused("createProjectBranchDatabase", id, child, {
  database: { name: "x", owner_name: "nobody" },
});

const endpoint = past.endpoints[0].id;
await step("listProjectEndpoints", async () => {
  const { data } = await api.listProjectEndpoints(id);
  return data.endpoints.sort(byAge);
});
await call("getProjectEndpoint", id, endpoint);
await call("updateProjectEndpoint", id, endpoint, { endpoint: { suspend_timeout_seconds: 600 } });
await finish(await call("suspendProjectEndpoint", id, endpoint));
await finish(await call("startProjectEndpoint", id, endpoint));
await finish(await call("restartProjectEndpoint", id, endpoint));
await step("psql after the restart", () => login(direct.uri));
await finish(await call("deleteProjectEndpoint", id, endpoint));
await finish(
  await call("createProjectEndpoint", id, { endpoint: { branch_id: child, type: "read_write" } }),
);
await refused("createProjectEndpoint", id, { endpoint: { branch_id: child, type: "read_only" } });

await call("listProjectOperations", { projectId: id, limit: 2 });
const { operations } = (await api.listProjectOperations({ projectId: id, limit: 1 })).data;
await call("getProjectOperation", id, operations[0].id);

await call("getCurrentUserInfo");
const { organizations } = await call("getCurrentUserOrganizations");
const organization = organizations[0].id;
await call("getOrganization", organization);
await call("getAuthDetails");
await call("getActiveRegions");
const laptop = await call("createApiKey", { key_name: "laptop" });
await call("listApiKeys");
await call("revokeApiKey", laptop.id);
const scoped = await call("createOrgApiKey", organization, { key_name: "ci", project_id: id });
await call("listOrgApiKeys", organization);
await call("revokeOrgApiKey", organization, scoped.id);
const granted = await call("grantPermissionToProject", id, { email: "casey@example.com" });
await call("listProjectPermissions", id);
await call("revokePermissionFromProject", id, granted.id);

await finish(await call("deleteProjectBranch", { projectId: id, branchId: child }));
await refused("deleteProjectBranch", { projectId: id, branchId: main });
await call("deleteProject", id);
await refused("deleteProject", id);
