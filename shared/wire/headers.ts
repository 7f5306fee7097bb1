/** Headers of our messages. A header that nobody needs is not sent. */
export const HEADERS = {
  /** On an ALARMS frame that is relayed again because the hub never followed it: its alarms are out of order. */
  relayedAgain: "Alarm-Relayed-Again",
  /** On a DELIVERIES frame: the run of the hub that dispatched it. A ledger that does not know it was lost, or put back. */
  hubRun: "Alarm-Hub-Run",
  contentType: "Content-Type",
} as const;

export const CONTENT_TYPES = {
  cloudEventsBatch: "application/cloudevents-batch+json",
  cloudEvent: "application/cloudevents+json",
} as const;
