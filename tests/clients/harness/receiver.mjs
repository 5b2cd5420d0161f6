// The vendor's stand-in: takes every request and remembers the event in it.
import { createServer } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 30_000;

export async function startReceiver() {
  const events = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    events.push(JSON.parse(text));
    response.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    events,
    /** Waits for the events that `isMeant`, until there are `count`. */
    async waitFor(count, isMeant = () => true) {
      const end = Date.now() + PATIENCE_MS;
      while (events.filter(isMeant).length < count) {
        if (Date.now() > end) {
          throw new Error(`${count} events were expected, these came: ${JSON.stringify(events, null, 1)}`);
        }
        await sleep(20);
      }
      return events.filter(isMeant);
    },
    close: () => server.close(),
  };
}
