"""A project's life with neon-api, Neon's Python client: each method that Offshoot serves."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

from neon_api import NeonAPI
from neon_api.exceptions import NeonAPIError

neon = NeonAPI(os.environ["OFFSHOOT_KEY"], base_url=os.environ["OFFSHOOT_BASE"] + "/")
ENDED = {"finished", "failed", "skipped", "cancelled", "error"}


def plain(value):
    """Returns what a method returned as JSON can have it."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else value


def announce(name):
    """Says what is done next to whoever records the requests."""
    urllib.request.urlopen(os.environ["OFFSHOOT_STEPS"] + urllib.parse.quote(name)).read()
    print(f"## {name}")


def call(name, *args, **kwargs):
    """Calls a method, and prints what it returns."""
    announce(name)
    result = getattr(neon, name)(*args, **kwargs)
    print(json.dumps(plain(result), indent=2, default=str))
    return result


def refused(name, *args, error=NeonAPIError, **kwargs):
    """Calls a method that fails."""
    announce(f"{name}, refused")
    try:
        getattr(neon, name)(*args, **kwargs)
    except error as refusal:
        print(type(refusal).__name__, refusal)
        return
    raise AssertionError(f"{name} should have been refused")


def login(what, uri):
    """Logs in with psql by a connection string."""
    announce(f"psql by the string of {what}")
    sql = "SELECT session_user || ' in ' || current_database()"
    output = subprocess.run(["psql", "-XAtq", uri, "-c", sql], capture_output=True, check=True)
    print(output.stdout.decode().strip())


def finish(project):
    """Waits until all operations of a project have ended well."""
    while True:
        operations = neon.operations(project).operations
        statuses = {getattr(found.status, "value", found.status) for found in operations}
        if statuses <= ENDED:
            assert statuses == {"finished"}, operations
            return
        time.sleep(0.05)


# The client's models cut off what they do not know: connection strings, operations, endpoints.
call("project_create", project={"name": "shop"})
project = neon.projects().projects[0].id
main = neon.branches(project).branches[0].id
finish(project)
call("projects")
call("projects", shared=True)
call("project", project)
call("project_update", project, project={"name": "store"})
refused("project", "no-such-12345678")

call("role_create", project, main, "sally")
refused("role_create", project, main, "sally")
roles = call("roles", project, main).roles
newest = max(datetime.fromisoformat(str(role.created_at).replace("Z", "+00:00")) for role in roles)
before = (newest + timedelta(milliseconds=1)).isoformat()
time.sleep(0.005)
call("role", project, main, "sally")
# It reveals with a POST.
call("role_password_reveal", project, main, "sally")
call("role_password_reset", project, main, "sally")
call("role_create", project, main, "late")
finish(project)
# It writes `pooled=True`, and cannot name a branch.
uri = call("connection_uri", project, "neondb", "sally", pooled=True).uri
login("connection_uri", uri)

birth = {"parent_id": main, "name": "past", "parent_timestamp": before}
call("branch_create", project, branch=birth, endpoints=[{"type": "read_write"}])
finish(project)
branches = {found.name: found.id for found in call("branches", project).branches}
branch = branches["past"]
names = [role.name for role in neon.roles(project, branch).roles]
assert names == ["neondb_owner", "sally"], names
endpoint = next(found for found in neon.endpoints(project).endpoints if found.branch_id == branch)
password = neon.role_password_reveal(project, branch, "sally").password
login("an endpoint's host", f"postgresql://sally:{password}@{endpoint.host}/neondb")
call("branch", project, branch)
call("branch_update", project, branch, branch={"name": "renamed"})
# It knows the default branch by its older name, and neither a restore nor a reset.
call("branch_set_as_primary", project, branch)
call("branch_set_as_primary", project, main)

call("database_create", project, branch, database={"name": "orders", "owner_name": "sally"})
call("databases", project, branch)
call("database", project, branch, "orders")
call("database_update", project, branch, "orders", database={"name": "stock"})
call("database_delete", project, branch, "stock")
finish(project)

call("endpoint", project, endpoint.id)
call("endpoint_update", project, endpoint.id, endpoint={"suspend_timeout_seconds": 600})
call("endpoint_suspend", project, endpoint.id)
finish(project)
call("endpoint_start", project, endpoint.id)
finish(project)
call("endpoint_delete", project, endpoint.id)
call("endpoint_create", project, endpoint={"branch_id": branch, "type": "read_write"})
finish(project)

call("operations", project, limit=2)
call("operation", project, neon.operations(project).operations[0].id)
call("me")
key = call("api_key_create", key_name="laptop")
call("api_keys")
call("api_key_revoke", key.id)
call("project_permissions_grant", project, email="casey@example.com")
call("project_permissions", project)
# It deletes without an id, which no server of Neon's API has a path for.
refused("project_permissions_revoke", project)

call("role_delete", project, main, "late")
# What is not there is deleted without a body, which this client cannot read.
refused("role_delete", project, main, "gone", error=ValueError)
call("branch_delete", project, branch)
call("project_delete", project)
