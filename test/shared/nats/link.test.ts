import { expect, test, vi } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startNats } from "../../helpers/nats.ts";
import { capturedLog } from "../../helpers/silent-log.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

const DAY_MS = 86_400_000;
const HALF_OPEN_MS_MAX = 25_000;

function startLink(servers: readonly string[]) {
  const { log, lines } = capturedLog();
  const link = new NatsLink({ target: { servers }, name: "test", inboxPrefix: "_INBOX_test", log });
  whenTestFinished(() => link.stop());
  link.start();
  return { link, said: () => lines.map(({ msg }) => msg).join("\n") };
}

test("a link that is half open is found within 25 s, and comes back by itself", async () => {
  const nats = await startNats();
  const proxy = await startTcpProxy(nats.port);
  const { link, said } = startLink([`nats://${proxy.address}`]);
  await link.waitConnected(10_000);
  proxy.halfOpen();
  const startMs = performance.now();
  await eventually("it is found", () => !link.connected, { timeoutMs: HALF_OPEN_MS_MAX + 5_000 });
  expect(performance.now() - startMs).toBeLessThan(HALF_OPEN_MS_MAX);
  expect(link.downReason).toContain("was lost");
  expect(said()).toContain("was lost");
  proxy.resume();
  await link.waitConnected(20_000);
});

test("of several servers the next one is taken, at the start and when one ends", async () => {
  const [one, two] = [await startNats(), await startNats()];
  const { link } = startLink([`nats://127.0.0.1:${await freePort()}`, one.url, two.url]);
  await link.waitConnected(20_000);
  const first = link.connection().getServer();
  const [used, other] = first.endsWith(String(one.port)) ? [one, two] : [two, one];
  await used.stop();
  await eventually("the other one is used", () => link.connection().getServer().endsWith(String(other.port)), {
    timeoutMs: 20_000,
  });
});

test("a link that is older than its server connects once that is there", async () => {
  const port = await freePort();
  const { link, said } = startLink([`nats://127.0.0.1:${port}`]);
  await eventually("it says so", () => said().includes(`nothing listens at nats://127.0.0.1:${port}`));
  await startNats({ port });
  await link.waitConnected(20_000);
});

test("credentials that are refused are reported in words, and tried until they are taken", async () => {
  const strict = await startNats({ config: 'authorization { user: "kim", password: "right" }' });
  const { link, said } = startLink([`nats://kim:wrong@127.0.0.1:${strict.port}`]);
  const refused = `nats://127.0.0.1:${strict.port} refused the credentials`;
  await eventually("it says so", () => said().includes(refused));
  expect(link.downReason).toContain(refused);
  expect(said().split(refused).length - 1).toBe(1);
  await strict.stop();
  const mended = 'authorization { users: [{ user: "kim", password: "wrong" }] }';
  await startNats({ port: strict.port, config: mended });
  await link.waitConnected(30_000);
});

test("a link comes back although the wall clock was turned back by a day meanwhile", async () => {
  const nats = await startNats();
  const { link } = startLink([nats.url]);
  const heard: string[] = [];
  link.subscribe("news", (payload) => heard.push(payload));
  await link.waitConnected(10_000);

  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() - DAY_MS);
  whenTestFinished(() => void vi.restoreAllMocks());
  await nats.kill();
  await eventually("the link is down", () => !link.connected);
  await nats.restart();
  await eventually("the link is up again", () => link.connected, { timeoutMs: 40_000 });
  link.publishHint("news", "it works");
  await eventually("what was subscribed is heard", () => expect(heard).toEqual(["it works"]));
}, 60_000);
