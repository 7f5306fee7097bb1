import type { Scenario } from "../scenario.ts";
import { accept } from "./accept.ts";
import { drain } from "./drain.ts";
import { fanOut } from "./fan-out.ts";
import { farLink } from "./far-link.ts";
import { fleet } from "./fleet.ts";
import { footprint } from "./footprint.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { ledger } from "./ledger.ts";
import { overtake } from "./overtake.ts";
import { restart } from "./restart.ts";
import { sustained } from "./sustained.ts";

export const SCENARIOS: readonly Scenario[] = [
  latency,
  drain,
  sustained,
  farLink,
  overtake,
  accept,
  fanOut,
  fleet,
  ledger,
  restart,
  footprint,
  growth,
];
