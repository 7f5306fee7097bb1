import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { type Finding, failed, ok } from "./types.ts";

const CONNECT_MS_MAX = 5_000;

/** A host with its port, as a URL of a server names it. */
export interface Endpoint {
  host: string;
  port: number;
}

/** The endpoint of `nats://host:4222` and the like. */
export function endpointOf(url: string, portDefault: number): Endpoint {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? portDefault : Number(port) };
}

/** Whether the name resolves and something takes a TCP connection there. */
export async function checkReachable(endpoint: Endpoint): Promise<Finding[]> {
  const dns = await checkDns(endpoint.host);
  return dns.kind === "failed" ? [dns] : [dns, await checkTcp(endpoint)];
}

async function checkDns(host: string): Promise<Finding> {
  if (isIP(host) !== 0) return ok("dns", `${host} is an address`);
  try {
    const addresses = await lookup(host, { all: true });
    return ok("dns", `${host} is ${addresses.map(({ address }) => address).join(", ")}`);
  } catch (error) {
    return failed("dns", `${host} has no address: ${messageOf(error)}`, "check the name and this machine's DNS server");
  }
}

async function checkTcp({ host, port }: Endpoint): Promise<Finding> {
  const where = `${host}:${port}`;
  const startedAtMs = performance.now();
  const reason = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS_MAX });
    const end = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer within ${CONNECT_MS_MAX / 1_000} s`));
    socket.once("error", (error) => end(messageOf(error)));
  });
  if (reason === undefined)
    return ok("tcp", `${where} answers after ${Math.round(performance.now() - startedAtMs)} ms`);
  return failed("tcp", `${where}: ${reason}`, "check that the server runs, the port, and the firewalls in between");
}
