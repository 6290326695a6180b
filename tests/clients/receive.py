"""A receiver of events with standardwebhooks. It says where it listens, is told secrets line by line,
and says of each event with which of them it verifies."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secrets = []


def verifies(secret, body, headers):
    """Returns the type of an event that verifies, and why it does not otherwise."""
    try:
        return Webhook(secret).verify(body, headers)["type"]
    except WebhookVerificationError as error:
        return str(error)


class Receiver(BaseHTTPRequestHandler):
    """Takes every event."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = dict(self.headers)
        found = [verifies(secret, body, headers) for secret in secrets]
        changed = [verifies(secret, body + " ", headers) for secret in secrets]
        print(json.dumps({"found": found, "changed": changed, "body": json.loads(body)}), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_port}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    secrets.append(line.strip())
