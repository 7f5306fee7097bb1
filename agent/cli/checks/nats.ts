import { existsSync } from "node:fs";
import { NatsLink } from "../../../shared/nats/link.ts";
import { clockAheadMs } from "../../../shared/nats/server-time.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { createLogger } from "../../../shared/runtime/log.ts";
import { inboxPrefix } from "../../../shared/wire/subjects.ts";
import type { AgentConfig } from "../../config.ts";
import { checkHub } from "./hub.ts";
import { checkReachable, endpointOf } from "./network.ts";
import { type Finding, failed, ok, unknown } from "./types.ts";

const CONNECT_MS_MAX = 7_000;
const NATS_PORT = 4222;
/** Alarms carry the gateway's time; beyond this a person reading them is misled. */
const CLOCK_MS_MAX = 5_000;

/** The way to the hub: name, port, credentials, the hub itself, and our clock against its own. */
export async function checkNats({ agent, nats }: AgentConfig): Promise<Finding[]> {
  const reachable = await Promise.all(nats.servers.map((server) => checkReachable(endpointOf(server, NATS_PORT))));
  const findings = reachable.flat();
  // One server of several is enough to go on.
  if (!findings.some(({ name, kind }) => name === "tcp" && kind === "ok")) return findings;
  const link = new NatsLink({
    target: nats,
    name: `${agent} check`,
    inboxPrefix: inboxPrefix("agent", agent),
    log: createLogger("alarm-agent", { level: "silent", format: "json" }),
  });
  try {
    link.start();
    await link.waitConnected(CONNECT_MS_MAX);
    findings.push(ok("credentials", `accepted by nats-server ${link.serverVersion ?? "of unknown version"}`));
    const hub = await checkHub(link, agent);
    findings.push(hub.finding);
    findings.push(hub.aheadMs === undefined ? clock(await clockAheadMs(link), "server") : clock(hub.aheadMs, "hub"));
  } catch (error) {
    const remedy = "check nats.credentialsFile, nats.user and nats.tls, and that the hub's operator knows this gateway";
    findings.push(failed("credentials", messageOf(error), remedy));
  } finally {
    await link.stop();
  }
  return findings;
}

/** What a lead over the clock of the hub, or else of the nats-server, says about ours. */
function clock(aheadMs: number | undefined, whose: "hub" | "server"): Finding {
  if (aheadMs === undefined) {
    // Left by systemd-timesyncd once it has set the clock.
    const synchronized = existsSync("/run/systemd/timesync/synchronized");
    const known = "cannot be compared: neither the hub nor the server tells us its time";
    return synchronized ? ok("clock", `${known}; the system says that it is synchronized`) : unknown("clock", known);
  }
  const text = `${Math.abs(Math.round(aheadMs))} ms ${aheadMs < 0 ? "behind" : "ahead of"} the ${whose}'s`;
  if (Math.abs(aheadMs) <= CLOCK_MS_MAX) return ok("clock", text);
  return failed("clock", text, "set this machine's clock, and keep it set with NTP (systemd-timesyncd, chrony)");
}
