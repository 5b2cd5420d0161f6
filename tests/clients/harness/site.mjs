// A site that loads Segment's browser SDK as sites do, served from another port than the collector: another origin.
import { createServer } from "node:http";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

const SDK = new URL("../node_modules/@segment/analytics-next/dist/umd/", import.meta.url);

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
