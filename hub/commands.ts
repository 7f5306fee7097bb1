/** Who takes responsibility for an alarm, for which center. */
export interface Acknowledgment {
  center: string;
  operator: string;
  note?: string;
}

export type AcknowledgeAnswer =
  /** `created` is false if the same center and operator had acknowledged it before. */
  | { kind: "acknowledged"; created: boolean; at: string }
  | {
      kind: "already_acknowledged";
      center: string;
      operator: string;
      at: string;
    }
  | { kind: "not_delivered" }
  | { kind: "not_found" };

export type RedriveAnswer = { kind: "redriven" } | { kind: "not_found" } | { kind: "not_dead" };

/** What the HTTP interface may ask the hub to do. Each answers once the log has it and the ledger has followed. */
export interface HubCommands {
  acknowledge(id: string, by: Acknowledgment): Promise<AcknowledgeAnswer>;
  redrive(id: string, center: string): Promise<RedriveAnswer>;
}
