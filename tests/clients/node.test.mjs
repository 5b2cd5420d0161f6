// Segment's SDK for Node.js.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Analytics } from "@segment/analytics-node";
import { startCollector, WRITE_KEY } from "./harness/collector.mjs";
import { has, isRecent, isText, ofType } from "./harness/expect.mjs";

let collector;
before(async () => { collector = await startCollector(); });
after(() => collector.stop());

/** Runs `use` with a client, and returns the errors that the client told of. */
async function withClient(options, use) {
  const errors = [];
  const analytics = new Analytics({ writeKey: WRITE_KEY, host: collector.url, ...options });
  analytics.on("error", (error) => errors.push(error));
  use(analytics);
  await analytics.closeAndFlush({ timeout: 20_000 });
  return errors;
}

test("Node.js: every call reaches the vendor as the spec has it", async () => {
  const errors = await withClient({}, (analytics) => {
    analytics.identify({ userId: "u1", traits: { email: "jo@shop.example", plan: "gold" } });
    analytics.track({ userId: "u1", event: "Order Completed", properties: { revenue: 58.5, products: [{ sku: "4001" }] } });
    analytics.page({ anonymousId: "a1", category: "Shop", name: "Home", properties: { url: "https://shop.example/" } });
    analytics.screen({ anonymousId: "a1", name: "Basket" });
    analytics.group({ userId: "u1", groupId: "g1", traits: { name: "Potters" } });
    analytics.alias({ userId: "u1", previousId: "a1" });
  });
  assert.deepEqual(errors, []);
  const events = await collector.receiver.waitFor(6);
  assert.equal(events.length, 6);
  for (const event of events) {
    has(event, {
      messageId: isText,
      timestamp: isRecent,
      context: { library: { name: "@segment/analytics-node" }, ip: (ip) => ip === undefined },
    });
  }
  has(ofType(events, "identify"), { userId: "u1", traits: { email: "jo@shop.example", plan: "gold" } });
  has(ofType(events, "track"), {
    userId: "u1",
    event: "Order Completed",
    properties: { revenue: 58.5, products: [{ sku: "4001" }] },
  });
  has(ofType(events, "page"), { anonymousId: "a1", category: "Shop", name: "Home", properties: { url: "https://shop.example/" } });
  has(ofType(events, "screen"), { anonymousId: "a1", name: "Basket" });
  has(ofType(events, "group"), { userId: "u1", groupId: "g1", traits: { name: "Potters" } });
  has(ofType(events, "alias"), { userId: "u1", previousId: "a1" });
});

test("Node.js: a time of the past stays what it was", async () => {
  const timestamp = new Date("2026-01-02T03:04:05.678Z");
  await withClient({}, (analytics) => analytics.track({ userId: "u2", event: "Imported", timestamp }));
  const [event] = await collector.receiver.waitFor(1, (event) => event.event === "Imported");
  // The request's own way is all that is corrected.
  assert.ok(Math.abs(Date.parse(event.timestamp) - timestamp) < 5_000, event.timestamp);
});

test("Node.js: many events are batched and each comes once", async () => {
  const count = 500;
  const errors = await withClient({ flushAt: 20 }, (analytics) => {
    for (let number = 0; number < count; number += 1) {
      analytics.track({ userId: "u3", event: "Counted", properties: { number } });
    }
  });
  assert.deepEqual(errors, []);
  const events = await collector.receiver.waitFor(count, (event) => event.event === "Counted");
  const numbers = new Set(events.map((event) => event.properties.number));
  assert.equal(numbers.size, count);
  assert.equal(events.length, count);
});

test("Node.js: an unknown write key is told to the client", async () => {
  const errors = await withClient({ writeKey: "nobody", maxRetries: 0 }, (analytics) => {
    analytics.track({ userId: "u4", event: "Unheard" });
  });
  assert.equal(errors.length, 1);
  assert.match(String(errors[0].reason ?? errors[0]), /401/);
});
