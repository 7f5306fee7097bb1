import { test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

test("a server that was dead at the first connect is used later, when the other is dead", async () => {
  const nats = await startNats();
  const [one, other] = await Promise.all([startTcpProxy(nats.port), startTcpProxy(nats.port)]);
  const servers = [one, other].map(({ address }) => `nats://${address}`);
  one.cut();
  // The order is random: one of eight has tried the dead one first.
  const links = Array.from(
    { length: 8 },
    () => new NatsLink({ target: { servers }, name: "test", inboxPrefix: "_INBOX_test", log: silentLog() }),
  );
  for (const link of links) {
    whenTestFinished(() => link.stop());
    link.start();
  }
  await Promise.all(links.map((link) => link.waitConnected(10_000)));
  let lost = 0;
  for (const link of links) link.onDisconnect(() => lost++);
  one.resume();
  other.cut();
  await eventually("every link has lost the other", () => lost >= links.length);
  await Promise.all(links.map((link) => link.waitConnected(10_000)));
});
