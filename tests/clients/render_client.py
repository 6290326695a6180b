"""A branch's credentials, and webhooks, with render, Render's own Python client, which fails at any status that
Render's document does not have."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

from render.public_api.api.postgres import (
    create_postgres_user,
    delete_postgres_user,
    list_postgres,
    list_postgres_users,
    retrieve_postgres,
    retrieve_postgres_connection_info,
)
from render.public_api.api.webhooks import (
    create_webhook,
    delete_webhook,
    list_webhook_events,
    list_webhooks,
    retrieve_webhook,
    update_webhook,
)
from render.public_api.client import AuthenticatedClient
from render.public_api.models import CredentialCreateInput, WebhookPATCHInput, WebhookPOSTInput

BASE = os.environ["OFFSHOOT_BASE"]
KEY = os.environ["OFFSHOOT_KEY"]
ENDED = {"finished", "failed", "skipped"}

render = AuthenticatedClient(
    base_url=BASE.replace("/api/v2", "/v1"), token=KEY, raise_on_unexpected_status=True
)


def ask(method, path, body=None):
    """Asks the server directly."""
    data = json.dumps(body).encode() if body else None
    headers = {"authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    return json.load(urllib.request.urlopen(request))


def settle(project):
    """Waits until all operations of a project have ended."""
    for _ in range(600):
        operations = ask("GET", f"/projects/{project}/operations")["operations"]
        if all(operation["status"] in ENDED for operation in operations):
            return
        time.sleep(0.05)
    raise AssertionError("operations that do not end")


def announce(name):
    """Says what is done next to whoever records the requests."""
    urllib.request.urlopen(os.environ["OFFSHOOT_STEPS"] + urllib.parse.quote(name)).read()
    print(f"## {name}")


def plain(value):
    """Returns what a call returned as JSON can have it."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def call(module, *args, status=200, **kwargs):
    """Makes a call, and prints what it returns."""
    name = module.__name__.rsplit(".", 1)[1]
    announce(name if status < 300 else f"{name}, refused")
    answer = module.sync_detailed(*args, client=render, **kwargs)
    assert answer.status_code == status, (name, answer.status_code, answer.content)
    print(json.dumps(plain(answer.parsed), indent=2, default=str))
    return answer.parsed


created = ask("POST", "/projects", {"project": {"name": "shop"}})
project = created["project"]["id"]
settle(project)

postgres = call(list_postgres, limit=1)[0].postgres.id
call(retrieve_postgres, postgres)
call(retrieve_postgres, created["branch"]["id"])
call(list_postgres_users, postgres)
app = CredentialCreateInput(username="app_2")
call(create_postgres_user, postgres, body=app, status=202)
settle(project)
info = call(retrieve_postgres_connection_info, postgres)
announce("psql by the string")
sql = "SELECT session_user || ' in ' || current_database()"
command = ["psql", "-XAtq", info.external_connection_string, "-c", sql]
print(subprocess.run(command, capture_output=True, check=True).stdout.decode().strip())
call(delete_postgres_user, postgres, "app_2", status=400)
call(create_postgres_user, postgres, body=app, status=400)
call(delete_postgres_user, postgres, "neondb_owner")
settle(project)
call(list_postgres_users, postgres)
call(retrieve_postgres, "dpg-00000000000000000000-a", status=404)


def webhook(url):
    """Returns a webhook that is told all that Render tells: its client knows no name for that."""
    return WebhookPOSTInput(
        owner_id="org-offshoot", url=url, name="credentials", enabled=True, event_filter=[]
    )


# Nobody is there, and nothing happens that could be told.
hook = call(create_webhook, body=webhook("https://receiver.example/hook"), status=201).id
call(create_webhook, body=webhook("https://127.0.0.1/hook"), status=400)
call(list_webhooks, owner_id=["org-offshoot"], limit=1)
call(update_webhook, hook, body=WebhookPATCHInput(name="renamed", enabled=False))
call(retrieve_webhook, hook)
call(list_webhook_events, hook)
call(delete_webhook, hook, status=204)
call(retrieve_webhook, hook, status=404)
