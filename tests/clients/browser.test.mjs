// Segment's browser SDK in a real browser, on a page of another origin than the collector's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { startCollector, WRITE_KEY } from "./harness/collector.mjs";
import { has, isRecent, isText, ofType } from "./harness/expect.mjs";
import { startSite } from "./harness/site.mjs";

let browser, site;
before(async () => {
  site = await startSite();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** Opens the site for a new visitor, on a collector of its own; tells what the browser's console complains of. */
async function visit({ origin = site.allowed, collect = "" }, act) {
  const collector = await startCollector(`origins = ["${site.allowed}"]\n${collect}`);
  const visitor = await browser.newContext();
  try {
    const page = await visitor.newPage();
    const complaints = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${origin}/mugs?utm_source=news`);
    await act({ page, collector, complaints });
  } finally {
    await visitor.close();
    await collector.stop();
  }
}

/** Loads the SDK as a site does that only knows the collector's address: all else is in the settings that it serves. */
function load(page, collector, segment = {}) {
  return page.evaluate(async ({ url, writeKey, segment }) => {
    const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load(
      { writeKey, cdnURL: url },
      { integrations: { "Segment.io": segment } },
    );
    window.analytics = analytics;
  }, { url: collector.url, writeKey: WRITE_KEY, segment });
}

test("browser: every call reaches the vendor as the spec has it", () => visit({}, async ({ page, collector, complaints }) => {
  await load(page, collector);
  await page.evaluate(async () => {
    const { analytics } = window;
    await analytics.page("Shop", "Mugs");
    await analytics.track("Product Viewed", { sku: "4001", price: 19.5 });
    // The SDK fills in whom it was before; after an identify call it would name that user instead.
    await analytics.alias("u1");
    await analytics.identify("u1", { email: "jo@shop.example" });
    await analytics.group("g1", { name: "Potters" });
    await analytics.screen("Basket");
  });
  const events = await collector.receiver.waitFor(6);
  assert.equal(events.length, 6);
  const [{ anonymousId }] = events;
  for (const event of events) {
    has(event, {
      messageId: isText,
      anonymousId,
      timestamp: isRecent,
      context: {
        ip: "127.0.0.1",
        userAgent: (text) => text.includes("HeadlessChrome"),
        library: { name: "analytics.js" },
        campaign: { source: "news" },
        page: { url: `${site.allowed}/mugs?utm_source=news`, path: "/mugs", title: "Mugs and more" },
      },
    });
  }
  has(ofType(events, "page"), { name: "Mugs", category: "Shop", properties: { path: "/mugs", title: "Mugs and more" } });
  has(ofType(events, "track"), { event: "Product Viewed", properties: { sku: "4001", price: 19.5 } });
  has(ofType(events, "identify"), { userId: "u1", traits: { email: "jo@shop.example" } });
  has(ofType(events, "group"), { userId: "u1", groupId: "g1", traits: { name: "Potters" } });
  has(ofType(events, "alias"), { userId: "u1", previousId: anonymousId });
  has(ofType(events, "screen"), { name: "Basket" });
  assert.deepEqual(complaints, []);
}));

test("browser: batches come whole, and what is left is sent as the page closes", () => visit({}, async ({ page, collector, complaints }) => {
  await load(page, collector, { deliveryStrategy: { strategy: "batching", config: { size: 3, timeout: 60_000 } } });
  await page.evaluate(() => {
    for (const step of [1, 2, 3, 4, 5]) window.analytics.track("Checkout Step Viewed", { step });
  });
  await collector.receiver.waitFor(3);
  assert.deepEqual(complaints, []);
  await page.close({ runBeforeUnload: true });
  const events = await collector.receiver.waitFor(5);
  assert.deepEqual(events.map((event) => event.properties.step).sort(), [1, 2, 3, 4, 5]);
}));

test("browser: a beacon needs no preflight", () => visit({}, async ({ page, collector, complaints }) => {
  const isQueued = await page.evaluate(({ url, writeKey }) => navigator.sendBeacon(`${url}/v1/t`, JSON.stringify({
    writeKey, event: "Page Left", anonymousId: "a1",
  })), { url: collector.url, writeKey: WRITE_KEY });
  assert.equal(isQueued, true);
  const [event] = await collector.receiver.waitFor(1);
  has(event, { type: "track", event: "Page Left", anonymousId: "a1", messageId: isText, timestamp: isRecent });
  assert.deepEqual(complaints, []);
}));

test("browser: what was refused for its rate is sent again when there is room", () => visit({ collect: "events_per_second = 2" }, async ({ page, collector, complaints }) => {
  await load(page, collector);
  await page.evaluate(() => Promise.all([1, 2, 3, 4].map((number) => window.analytics.track("Clicked", { number }))));
  const events = await collector.receiver.waitFor(4);
  assert.deepEqual(events.map((event) => event.properties.number).sort(), [1, 2, 3, 4]);
  // The refusals themselves are told in the console, and nothing else is.
  assert.ok(complaints.length > 0);
  assert.deepEqual(complaints.filter((text) => !/status of 429/.test(text)), []);
}));

test("browser: a page of another origin gets no settings", () => visit({ origin: site.other }, async ({ page, collector, complaints }) => {
  await assert.rejects(load(page, collector));
  assert.match(complaints.join("\n"), /blocked by CORS policy/);
  assert.deepEqual(collector.receiver.events, []);
}));

/** What makes the collector known to the browser again. */
const IDENTITY = `
[identity]
consent = ["analytics"]
id = { prefer = "cookie" }
session = {}
vendors = { names = ["meta"] }
`;

test("browser: a visitor is known again by cookies that no script reads", () => visit({ collect: IDENTITY }, async ({ page, collector, complaints }) => {
  // Of the page's own site, as a collector has to be for its cookies.
  const near = { url: collector.url.replace("127.0.0.1", "localhost") };
  const open = async (path) => {
    await page.goto(`${site.allowed}${path}`);
    await load(page, near, { deliveryStrategy: { config: { credentials: "include" } } });
  };
  const track = (name) => page.evaluate((name) => {
    const consent = { categoryPreferences: { analytics: true } };
    return window.analytics.track(name, {}, { context: { consent } });
  }, name);

  await open("/mugs?fbclid=IwAR2_Ab-C");
  await track("Landed");
  const [landed] = await collector.receiver.waitFor(1);
  const cookies = Object.fromEntries((await page.context().cookies()).map((cookie) => [cookie.name, cookie]));
  const inDays = (cookie) => Math.round((cookie.expires - Date.now() / 1000) / 86_400);
  for (const [name, days] of [["tagyard_id", 400], ["tagyard_clicks", 90], ["tagyard_session", 400]]) {
    has(cookies[name], { httpOnly: true, secure: true, sameSite: "Lax", path: "/", domain: "localhost" }, name);
    assert.equal(inDays(cookies[name]), days, name);
  }
  assert.equal(decodeURIComponent(cookies.tagyard_id.value), landed.anonymousId);
  assert.doesNotMatch(await page.evaluate(() => document.cookie), /tagyard/);

  // All that scripts had stored is gone.
  await page.evaluate(() => localStorage.clear());
  await page.context().clearCookies({ name: /^ajs_/ });
  await open("/thanks");
  await track("Order Completed");
  const [, ordered] = await collector.receiver.waitFor(2);
  has(landed, { context: { fbc: (text) => /^fb\.1\.[0-9]{13}\.IwAR2_Ab-C$/.test(text), session: { number: 1, isNew: true } } });
  has(ordered, {
    anonymousId: landed.anonymousId,
    context: { fbc: landed.context.fbc, identity: { anonymousId: "cookie" }, session: { id: landed.context.session.id, isNew: undefined } },
  });

  // Who objects is forgotten.
  await page.evaluate(() => window.analytics.track("Objected", {}, { context: { consent: { categoryPreferences: { analytics: false } } } }));
  const [, , objected] = await collector.receiver.waitFor(3);
  assert.notEqual(objected.anonymousId, landed.anonymousId);
  assert.deepEqual((await page.context().cookies()).filter(({ name }) => name.startsWith("tagyard_")), []);
  assert.deepEqual(complaints, []);
}));
