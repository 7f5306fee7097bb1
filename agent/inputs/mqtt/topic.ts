/** The fields that a level of a topic may fill. */
export const LEVEL_FIELDS = [
  "account",
  "area",
  "point",
  "user",
  "category",
  "event",
  "condition",
  "code",
  "codeSystem",
  "qualifier",
  "priority",
  "text",
  "reportId",
] as const;

/** True for a topic filter by MQTT 3.1.1, section 4.7: `+` and `#` stand alone in a level, `#` only in the last. */
export function isTopicFilter(filter: string): boolean {
  if (filter === "" || filter.includes("\0")) return false;
  const levels = filter.split("/");
  return levels.every((level, i) => {
    if (level === "#") return i === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}

/** True if `topic` is matched by `filter`; a wildcard in the first level matches no topic that begins with `$`. */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [i, want] of wanted.entries()) {
    if (want === "#") return true;
    if (levels[i] === undefined || (want !== "+" && want !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** The fields that the levels of `topic` fill, by a pattern such as `_/account/point`. Empty levels fill none. */
export function fieldsOfTopic(pattern: string, topic: string): Record<string, string> {
  const levels = topic.split("/");
  const fields: Record<string, string> = {};
  for (const [i, field] of pattern.split("/").entries()) {
    const level = levels[i];
    if (field !== "_" && level !== undefined && level !== "") fields[field] = level;
  }
  return fields;
}
