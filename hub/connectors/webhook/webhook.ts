import type { WebhookConfig } from "../config.ts";
import type { Connector, ConnectorAnswer } from "../connector.ts";
import { readAnswer } from "./answer.ts";
import { Batcher } from "./batcher.ts";
import { batchMessage, type Outgoing, singleMessage } from "./message.ts";
import { post } from "./post.ts";

const SINGLE_CONCURRENCY = 16;
const BATCH_ALARMS_MAX = 100;

type Result = PromiseSettledResult<ConnectorAnswer>;

/** POSTs alarms to a URL, as the configuration says: one by one, or those that wait as a batch. */
export function createWebhook(config: WebhookConfig): Connector {
  return config.format === "single" ? singleWebhook(config) : batchWebhook(config);
}

function singleWebhook(config: WebhookConfig): Connector {
  return {
    concurrency: SINGLE_CONCURRENCY,
    deliver: async (delivery) => readAnswer(await post(config, singleMessage(delivery), delivery.signal)),
  };
}

/**
 * One batch is under way at a time; what arrives meanwhile forms the next, so a batch never waits to be filled. An
 * answer stands for every alarm of its batch, except a refusal: that may be meant for one of them only, so each is
 * then POSTed alone.
 */
function batchWebhook(config: WebhookConfig): Connector {
  const send = async (outgoing: readonly Outgoing[], signal: AbortSignal): Promise<ConnectorAnswer> =>
    readAnswer(await post(config, batchMessage(outgoing), signal));
  const sendBatch = async (outgoing: readonly Outgoing[], signal: AbortSignal): Promise<Result[]> => {
    const answer = await send(outgoing, signal);
    if (answer.kind === "received" || outgoing.length === 1) {
      return outgoing.map(() => ({ status: "fulfilled", value: answer }));
    }
    const results: Result[] = [];
    for (const one of outgoing) results.push(...(await Promise.allSettled([send([one], signal)])));
    return results;
  };
  const batcher = new Batcher<Outgoing, ConnectorAnswer>(sendBatch, BATCH_ALARMS_MAX);
  return {
    // One batch under way and one that fills up.
    concurrency: 2 * BATCH_ALARMS_MAX,
    deliver: (delivery) => batcher.add(delivery, delivery.signal),
  };
}
