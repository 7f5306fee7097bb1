/** `log` of agent.yaml and hub.yaml; a loaded one is a LogConfig. */
export const logSchema = {
  type: "object",
  description: "What the process writes to standard error",
  default: {},
  properties: {
    level: {
      enum: ["trace", "debug", "info", "warn", "error", "silent"],
      default: "info",
      description: "The least important lines to write",
    },
    format: {
      enum: ["auto", "json", "text"],
      default: "auto",
      description: "auto is text on a terminal and JSON elsewhere",
    },
  },
  additionalProperties: false,
} as const;
