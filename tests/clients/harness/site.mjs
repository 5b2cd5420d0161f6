// A site that loads Segment's browser SDK as sites do, and others when a test asks for them, served from another port than the collector: another origin.
import { createServer } from "node:http";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

const SDK = new URL("../node_modules/@segment/analytics-next/dist/umd/", import.meta.url);

/** The browser SDKs of other dialects, by the names under which a page loads them. */
const OTHERS = {
  snowplow: new URL("../node_modules/@snowplow/browser-tracker/dist/index.umd.min.js", import.meta.url),
  rudderstack: new URL("../node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js", import.meta.url),
};

const PAGE = `<!doctype html>
<html lang="en"><head><title>Mugs and more</title><link rel="icon" href="data:,"></head>
<body><script src="/sdk/index.js"></script></body></html>`;

export async function startSite() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    if (pathname.startsWith("/sdk/") && !pathname.includes("..")) {
      response.setHeader("content-type", "text/javascript");
      response.end(await readFile(new URL(pathname.slice("/sdk/".length), SDK)));
      return;
    }
    if (pathname.startsWith("/other/")) {
      response.setHeader("content-type", "text/javascript");
      response.end(await readFile(OTHERS[pathname.slice("/other/".length)]));
      return;
    }
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(PAGE);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    /** Two names of one site, and so two origins. */
    allowed: `http://localhost:${port}`,
    other: `http://127.0.0.1:${port}`,
    close: () => server.close(),
  };
}
