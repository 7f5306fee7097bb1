import type { Kind } from "../trial.ts";
import { CLOCK_KINDS } from "./clocks.ts";
import { DAMAGE_KINDS } from "./damage.ts";
import { DISK_KINDS } from "./disks.ts";
import { EVICTION_KINDS } from "./eviction.ts";
import { HANDLER_KINDS } from "./handlers.ts";
import { LINK_KINDS } from "./links.ts";
import { MQTT_KINDS } from "./mqtt.ts";
import { POISON_KINDS } from "./poison.ts";
import { PROCESS_KINDS } from "./processes.ts";
import { SERVER_KINDS } from "./servers.ts";
import { STORE_KINDS } from "./stores.ts";
import { WINDOW_KINDS } from "./windows.ts";

export const KINDS: readonly Kind[] = [
  ...PROCESS_KINDS,
  ...LINK_KINDS,
  ...STORE_KINDS,
  ...WINDOW_KINDS,
  ...MQTT_KINDS,
  ...HANDLER_KINDS,
  ...EVICTION_KINDS,
  ...SERVER_KINDS,
  ...POISON_KINDS,
  ...DISK_KINDS,
  ...DAMAGE_KINDS,
  ...CLOCK_KINDS,
];

/** One of every family for the short form, in this order: what is told once a minute only comes first. */
export const SHORT_KINDS: readonly Kind[] = [
  "poison",
  "evicted",
  "handler-fails",
  "mqtt-agent-killed",
  "agent-killed-offline",
  "link-flapping",
  "server-list",
  "store-wiped-behind-hub",
  "store-wiped-under-window",
].map((name) => KINDS.find((kind) => kind.name === name) as Kind);
