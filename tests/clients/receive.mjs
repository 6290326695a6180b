// A receiver of events with standardwebhooks, as Render's own example has it. It says where it listens,
// is told secrets line by line, and says of each event with which of them it verifies.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const secrets = [];

function verifies(secret, body, headers) {
  try {
    return new Webhook(secret).verify(body, headers).type;
  } catch (error) {
    return error.message;
  }
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const found = secrets.map((secret) => verifies(secret, body, request.headers));
  const changed = secrets.map((secret) => verifies(secret, `${body} `, request.headers));
  console.log(JSON.stringify({ found, changed, body: JSON.parse(body) }));
  response.writeHead(204).end();
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));

for await (const line of createInterface({ input: process.stdin })) secrets.push(line);
process.exit(0);
