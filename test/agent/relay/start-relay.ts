import type { Queue } from "../../../agent/queue/queue.ts";
import { Custody } from "../../../agent/relay/custody.ts";
import { Relay } from "../../../agent/relay/relay.ts";
import type { FramePublisher } from "../../../agent/relay/types.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { LogPublisher } from "../../../shared/nats/publish.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { openQueue } from "../queue/open.ts";

export interface RelaySetup {
  queue: Queue;
  link: NatsLink;
  relay: Relay;
  custody: Custody;
  /** Everything but the queue. */
  stop(): Promise<void>;
}

/** A queue with its relay and its custody, against a real nats-server. */
export function startRelay(options: {
  natsUrl: string;
  dataDir?: string;
  queue?: Queue;
  askEveryMs?: number;
  /** Stands between the relay and NATS. */
  publisher?: (real: FramePublisher) => FramePublisher;
}): RelaySetup {
  const queue = options.queue ?? openQueue(options.dataDir === undefined ? {} : { dataDir: options.dataDir });
  const log = silentLog();
  const link = new NatsLink({
    target: { servers: [options.natsUrl] },
    name: "agent",
    inboxPrefix: "_INBOX_agent",
    log,
  });
  const real = new LogPublisher(link);
  const custody = new Custody({ agent: "gw-1", queue, link, log, askEveryMs: options.askEveryMs ?? 30_000 });
  const publisher = options.publisher?.(real) ?? real;
  const relay = new Relay({ agent: "gw-1", queue, link, publisher, onStreamLost: () => custody.ask(), log });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await custody.stop();
      await relay.stop();
      await link.stop();
    })();
    return stopping;
  };
  whenTestFinished(stop);
  custody.start();
  relay.start();
  link.start();
  return { queue, link, relay, custody, stop };
}
