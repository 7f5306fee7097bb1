/** Priorities in the manner of ISA-18.2, highest first. The index of a priority is the number of its lane. */
export const PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The number of the lane of a priority, 0 (critical) to 3 (low): what the stores keep. */
export type Lane = 0 | 1 | 2 | 3;
export const LANES: readonly Lane[] = [0, 1, 2, 3];

export const CATEGORIES = [
  "fire",
  "gas",
  "medical",
  "hold-up",
  "intrusion",
  "tamper",
  "environment",
  "technical",
  "supervision",
  "open-close",
  "bypass",
  "access",
  "test",
  "other",
] as const;
export type Category = (typeof CATEGORIES)[number];

const BY_CATEGORY: Record<Category, Priority> = {
  fire: "critical",
  gas: "critical",
  medical: "critical",
  "hold-up": "critical",
  intrusion: "high",
  tamper: "high",
  environment: "medium",
  technical: "medium",
  supervision: "medium",
  "open-close": "low",
  bypass: "low",
  access: "low",
  test: "low",
  other: "low",
};

/** The priority of a report that gives none. */
export function priorityOfCategory(category: Category): Priority {
  return BY_CATEGORY[category];
}

export function laneOf(priority: Priority): Lane {
  return PRIORITIES.indexOf(priority) as Lane;
}

export function priorityOf(lane: Lane): Priority {
  return PRIORITIES[lane] as Priority;
}
