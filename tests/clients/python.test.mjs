// Segment's SDK for Python, in its own process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startCollector, WRITE_KEY } from "./harness/collector.mjs";
import { has, isRecent, isText, ofType } from "./harness/expect.mjs";

const CLIENT = new URL("python_client.py", import.meta.url).pathname;

let collector;
before(async () => { collector = await startCollector(); });
after(() => collector.stop());

/** Lets a user act; what the SDK told on standard output comes back. */
async function act(user, writeKey, ...options) {
  const run = promisify(execFile)(process.env.TAGYARD_CLIENTS_PYTHON, [CLIENT, collector.url, writeKey, user, ...options]);
  return (await run).stdout;
}

for (const options of [[], ["--gzip"]]) {
  test(`Python: every call reaches the vendor as the spec has it ${options}`.trimEnd(), async () => {
    const user = `user${options}`;
    assert.equal(await act(user, WRITE_KEY, ...options), "");
    const events = await collector.receiver.waitFor(6, (event) => event.userId === user);
    assert.equal(events.length, 6);
    for (const event of events) {
      has(event, { messageId: isText, timestamp: isRecent, context: { library: { name: "analytics-python" } } });
    }
    has(ofType(events, "identify"), { traits: { email: "jo@shop.example", plan: "gold" } });
    has(ofType(events, "track"), { event: "Order Completed", properties: { revenue: 58.5, note: "Größe ✓" } });
    has(ofType(events, "page"), { category: "Shop", name: "Home", properties: { url: "https://shop.example/" } });
    has(ofType(events, "screen"), { name: "Basket" });
    has(ofType(events, "group"), { groupId: "g1", traits: { name: "Potters" } });
    has(ofType(events, "alias"), { previousId: "a1" });
  });
}

test("Python: an unknown write key is told to the client", async () => {
  assert.match(await act("nobody", "nobody"), /unknown_write_key/);
});
