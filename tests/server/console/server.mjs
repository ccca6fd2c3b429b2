// A server with the bundled model, its audit log and its console, for as long as a test needs it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = new URL("../../..", import.meta.url).pathname;
const startSeconds = 60;

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function waitUntilReady(url, program) {
  for (let tenths = 0; tenths < 10 * startSeconds; ++tenths) {
    if (program.exitCode !== null) throw new Error(`parapet serve ended with ${program.exitCode}`);
    if (await fetch(`${url}/health`).then((answer) => answer.ok, () => false)) return;
    await sleep(100);
  }
  throw new Error("parapet serve did not get ready");
}

// {url, stop}; texts are kept whole, so that tests see them again.
export async function startServer(...flags) {
  const folder = await mkdtemp(join(tmpdir(), "parapet-console-"));
  const port = await freePort();
  const program = spawn(process.env.PARAPET, ["serve", join(root, "models/parapet-guard-tiny"),
    "--host", "127.0.0.1", "--port", String(port), "--max-model-len", "2048",
    "--audit-log", join(folder, "audit.db"), "--audit-text", "full", ...flags],
    { stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(url, program);
  const stop = async () => {
    program.kill("SIGTERM");
    if (program.exitCode === null) await once(program, "exit");
    await rm(folder, { recursive: true });
  };
  return { url, stop };
}
