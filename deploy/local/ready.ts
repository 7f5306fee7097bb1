import { setTimeout as sleep } from "node:timers/promises";
import { RelayError } from "../../shared/runtime/errors.ts";

const ASK_EVERY_MS = 25;
const READY_MS_MAX = 15_000;

/**
 * Resolves once hub and agent answer for themselves and the agent has found the hub. Alarms that wait from an earlier
 * start do not count: they are on their way. Throws `timeout` after 15 s.
 */
export async function untilReady(urls: { agentUrl: string; hubUrl: string }, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  while (!((await hubIsReady(urls.hubUrl)) && (await agentHasFoundHub(urls.agentUrl)))) {
    if (performance.now() >= endMs)
      throw new RelayError("timeout", `hub and agent did not get ready in ${READY_MS_MAX} ms`);
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

async function hubIsReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}

async function agentHasFoundHub(url: string): Promise<boolean> {
  const response = await fetch(`${url}/healthz`);
  const { checks } = (await response.json()) as { checks: { name: string; ok: boolean }[] };
  return checks.every(({ name, ok }) => ok || !["nats", "hub"].includes(name));
}
