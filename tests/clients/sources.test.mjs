// The SDKs of the other dialects: Snowplow's, Jitsu's, RudderStack's and that of CloudEvents.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import jitsu from "@jitsu/js";
import snowplow from "@snowplow/node-tracker";
import cloudevents from "cloudevents";
import { chromium } from "playwright-core";
import { startCollector, WRITE_KEY } from "./harness/collector.mjs";
import { has, isRecent, isText, ofType } from "./harness/expect.mjs";
import { startSite } from "./harness/site.mjs";

const SCHEMA = "iglu:com.shop/order_completed/jsonschema/1-0-0";

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

async function withCollector(use) {
  const collector = await startCollector(`origins = ["${site.allowed}"]`);
  try {
    await use(collector);
  } finally {
    await collector.stop();
  }
}

/** A visitor's page with one of the SDKs. */
async function withPage(sdk, use) {
  const visitor = await browser.newContext();
  try {
    const page = await visitor.newPage();
    await page.goto(`${site.allowed}/mugs?utm_source=news`);
    await page.addScriptTag({ url: `/other/${sdk}` });
    await use(page);
  } finally {
    await visitor.close();
  }
}

for (const eventMethod of ["post", "get"]) {
  test(`Snowplow in Node.js, by ${eventMethod}`, () => withCollector(async (collector) => {
    const tracker = snowplow.newTracker(
      { namespace: "sp", appId: WRITE_KEY, encodeBase64: eventMethod === "get" },
      { endpoint: collector.url, eventMethod, bufferSize: 1 },
    );
    tracker.setUserId("u1");
    tracker.track(snowplow.buildPageView({ pageUrl: "https://shop.example/mugs", pageTitle: "Mugs" }));
    tracker.track(snowplow.buildSelfDescribingEvent({ event: { schema: SCHEMA, data: { total: 12.5 } } }));
    const events = await collector.receiver.waitFor(2);
    const common = { userId: "u1", messageId: isText, timestamp: isRecent, context: { ip: (ip) => ip === undefined } };
    has(ofType(events, "page"), { ...common, properties: { path: "/mugs", title: "Mugs" } });
    has(ofType(events, "track"), { ...common, event: "order_completed", properties: { total: 12.5 } });
  }));

  test(`Snowplow in a browser, by ${eventMethod}`, () => withCollector((collector) => withPage("snowplow", async (page) => {
    await page.evaluate(({ url, appId, eventMethod, schema }) => {
      const sdk = window.snowplowBrowserTracking;
      sdk.newTracker("sp", url, { appId, eventMethod });
      sdk.trackPageView();
      sdk.trackStructEvent({ category: "shop", action: "add-to-basket", value: 2 });
      sdk.trackSelfDescribingEvent({ event: { schema, data: { total: 12.5 } } });
    }, { url: collector.url, appId: WRITE_KEY, eventMethod, schema: SCHEMA });
    const events = await collector.receiver.waitFor(3);
    const [{ anonymousId }] = events;
    for (const event of events) {
      has(event, { anonymousId, messageId: isText, timestamp: isRecent, channel: "browser", context: { ip: "127.0.0.1" } });
    }
    has(ofType(events, "page"), { context: { page: { title: "Mugs and more" } } });
    has(events.find((event) => event.event === "add-to-basket"), { properties: { category: "shop", value: 2 } });
    has(events.find((event) => event.event === "order_completed"), { properties: { total: 12.5 } });
  })));
}

test("Jitsu in Node.js", () => withCollector(async (collector) => {
  const analytics = jitsu.jitsuAnalytics({ host: collector.url, writeKey: `${WRITE_KEY}:site` });
  await analytics.identify("u1", { email: "jo@shop.example" });
  await analytics.track("Order Completed", { total: 12.5 });
  const events = await collector.receiver.waitFor(2);
  has(ofType(events, "identify"), { userId: "u1", traits: { email: "jo@shop.example" }, timestamp: isRecent });
  has(ofType(events, "track"), { event: "Order Completed", properties: { total: 12.5 }, channel: "server" });
}));

test("RudderStack in a browser, with its settings from the collector", () => withCollector((collector) => withPage("rudderstack", async (page) => {
  await page.evaluate(({ url, writeKey }) => {
    const sdk = new window.rudderanalytics.RudderAnalytics();
    sdk.load(writeKey, url, { configUrl: url });
    sdk.page("Shop", "Mugs");
    sdk.identify("u1", { email: "jo@shop.example" });
    sdk.track("Order Completed", { total: 12.5 });
  }, { url: collector.url, writeKey: WRITE_KEY });
  const events = await collector.receiver.waitFor(3);
  const [{ anonymousId }] = events;
  for (const event of events) has(event, { anonymousId, messageId: isText, timestamp: isRecent });
  has(ofType(events, "page"), { name: "Mugs", category: "Shop", context: { page: { referrer: "" }, campaign: { source: "news" } } });
  has(ofType(events, "identify"), { userId: "u1", traits: { email: "jo@shop.example" } });
  has(ofType(events, "track"), { event: "Order Completed", properties: { total: 12.5 } });
})));

for (const mode of ["binary", "structured"]) {
  test(`CloudEvents, ${mode}`, () => withCollector(async (collector) => {
    const { CloudEvent, emitterFor, httpTransport } = cloudevents;
    const emit = emitterFor(httpTransport(`${collector.url}/cloudevents?write_key=${WRITE_KEY}`), { mode });
    await emit(new CloudEvent({ type: "com.shop.paid", source: "/orders", subject: "o1", userid: "u1", data: { total: 12.5 } }));
    const [event] = await collector.receiver.waitFor(1);
    has(event, { type: "track", event: "com.shop.paid", userId: "u1", properties: { total: 12.5 }, timestamp: isRecent });
    assert.equal(event.context.cloudevent.subject, "o1");
  }));
}
