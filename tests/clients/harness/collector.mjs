// A running `tagyard serve` whose only tag passes every event on, to a receiver in the vendor's place.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startReceiver } from "./receiver.mjs";

export const WRITE_KEY = "clients";

/** `collect`: more lines of the container's `[collect]`. */
export async function startCollector(collect = "") {
  const receiver = await startReceiver();
  const folder = await mkdtemp(join(tmpdir(), "tagyard-clients-"));
  const container = join(folder, "container.toml");
  await writeFile(container, `
name = "clients"
[collect]
write_keys = ["${WRITE_KEY}"]
${collect}
[[tag]]
name = "webhook"
use = "webhook"
settings = { url = "https://hooks.example/events" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
`);
  const options = ["--listen", "127.0.0.1:0", "--data-dir", join(folder, "data"), "--divert", receiver.url];
  const process_ = spawn(process.env.TAGYARD, ["serve", container, ...options], { stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(process_, "exit");
  const log = [];
  const url = await Promise.race([listening(process_, log), exited.then(() => {
    throw new Error(`tagyard serve ended: ${log.join("\n")}`);
  })]);
  return {
    url,
    receiver,
    async stop() {
      process_.kill("SIGTERM");
      const [code] = await exited;
      receiver.close();
      await rm(folder, { recursive: true });
      if (code !== 0) throw new Error(`tagyard serve exited with ${code}: ${log.join("\n")}`);
    },
  };
}

/** The address, once it stands in the log. */
function listening(process_, log) {
  return new Promise((resolve) => {
    createInterface({ input: process_.stderr }).on("line", (line) => {
      log.push(line);
      const address = line.match(/listening on (http:\/\/[0-9.:]+)/);
      if (address) resolve(address[1]);
    });
  });
}
