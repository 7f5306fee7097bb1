import { expect, test } from "vitest";
import { assertServerVersion } from "../../../hub/broker/version.ts";

test.each(["2.10.0", "2.10.29", "2.11.0-RC.1", "2.14.0", "3.0.0"])("%s is new enough", (version) => {
  expect(() => assertServerVersion(version)).not.toThrow();
});

test.each(["2.9.25", "2.2.0", "1.4.1", "0.0.0", "nonsense"])("%s is too old", (version) => {
  expect(() => assertServerVersion(version)).toThrow(expect.objectContaining({ code: "nats_server_too_old" }));
});
