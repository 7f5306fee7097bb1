import { openTcpProxy, type TcpProxy } from "./forwarding-proxy.ts";
import { whenTestFinished } from "./temp-dir.ts";

/** Starts a proxy on a free port of 127.0.0.1 to `targetPort` of the same; stopped at the end of a test. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = await openTcpProxy(targetPort);
  whenTestFinished(() => proxy.stop());
  return proxy;
}
