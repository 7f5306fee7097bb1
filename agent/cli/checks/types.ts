/** What one check found. A failure says what to do about it. */
export type Finding =
  | { name: string; kind: "ok"; message: string }
  | { name: string; kind: "unknown"; message: string }
  | { name: string; kind: "failed"; message: string; remedy: string };

export const ok = (name: string, message: string): Finding => ({ name, kind: "ok", message });
/** Neither good nor bad: it cannot be found out here. */
export const unknown = (name: string, message: string): Finding => ({ name, kind: "unknown", message });
export const failed = (name: string, message: string, remedy: string): Finding => ({
  name,
  kind: "failed",
  message,
  remedy,
});
