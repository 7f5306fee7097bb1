import { LANES, type Lane, priorityOf } from "../../shared/alarm/priority.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { LaneRelay } from "./lane-relay.ts";
import { Turns } from "./turns.ts";
import type { FramePublisher, RelayQueue } from "./types.ts";

export interface RelayOptions {
  agent: string;
  queue: RelayQueue;
  link: Pick<NatsLink, "connected" | "payloadBytesMax" | "onConnect">;
  publisher: FramePublisher;
  /** ALARMS has lost what it had acknowledged. */
  onStreamLost: () => void;
  log: Logger;
}

/** Sends the queue to ALARMS: four lanes, each in order, higher ones first (see Turns). */
export class Relay {
  readonly #lanes: readonly LaneRelay[];
  #sent = 0;

  constructor(options: RelayOptions) {
    const { agent, queue, link, publisher, onStreamLost, log } = options;
    const turns = new Turns((lane) => (this.#lanes[lane] as LaneRelay).isWaiting);
    this.#lanes = LANES.map(
      (lane) =>
        new LaneRelay({
          agent,
          lane,
          queue,
          publisher,
          turns,
          onStreamLost,
          log,
          payloadBytesMax: () => link.payloadBytesMax,
          isConnected: () => link.connected,
          // Unique for ever: JetStream drops what comes twice under one id, so no other content may ever have it.
          newMsgId: () => `${agent}.${queue.epoch}.${++this.#sent}`,
          onYield: (yielding) => this.#pokeBelow(yielding),
        }),
    );
    queue.onWaiting(() => this.#poke());
    link.onConnect(() => this.#poke());
  }

  start(): void {
    for (const lane of this.#lanes) lane.start();
  }

  /** Waits for the frames that are under way. */
  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  /** Why alarms of a lane do not get through, in words; undefined while they do. */
  get trouble(): string | undefined {
    const lane = this.#lanes.findIndex((candidate) => candidate.trouble !== undefined);
    if (lane < 0) return undefined;
    return `${priorityOf(lane as Lane)} alarms are not relayed: ${this.#lanes[lane]?.trouble}`;
  }

  #poke(): void {
    for (const lane of this.#lanes) lane.poke();
  }

  #pokeBelow(yielding: Lane): void {
    for (const lane of LANES) if (lane > yielding) this.#lanes[lane]?.poke();
  }
}
