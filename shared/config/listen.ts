/** Where a server listens. Port 0 lets the system choose a free one. */
export interface ListenAddress {
  host: string;
  port: number;
}

/** The parts of `127.0.0.1:8081`, `gateway:8081` or `[::1]:8081`; undefined if it is none of these. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  return { host: (match[1] ?? match[2]) as string, port };
}

/** The parts of an address that a schema has already checked. */
export function listenAddress(text: string): ListenAddress {
  const address = parseListen(text);
  if (address === undefined) throw new Error(`not an address with a port: ${text}`);
  return address;
}

/** The URL at which a client on this machine reaches a server that listens at `address`. */
export function urlOfListen({ host, port }: ListenAddress): string {
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${local.includes(":") ? `[${local}]` : local}:${port}`;
}
