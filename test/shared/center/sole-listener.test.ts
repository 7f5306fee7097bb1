import { expect, test } from "vitest";
import { type CenterOptions, connectCenter } from "../../../shared/center/index.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats, type TestNats } from "../../helpers/nats.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

async function connect(nats: Pick<TestNats, "url">, options: Partial<CenterOptions> = {}) {
  const center = await connectCenter({ id: CENTER, servers: nats.url, ...options });
  whenTestFinished(() => center.stop());
  return center;
}

test("a second listener is refused in one sentence, another center and a successor are not", async () => {
  const nats = await startNats();
  const first = await connect(nats);
  await first.listen(() => undefined);
  const second = await connect(nats);
  const refused = second.listen(() => undefined);
  await expect(refused).rejects.toMatchObject({ code: "center_in_use" });
  await expect(refused).rejects.toThrow("another process listens as center arc-north");
  await (await connect(nats, { id: "arc-south" })).listen(() => undefined);
  await first.stop();
  await second.listen(() => undefined);
});

test("of two that start at the same time exactly one listens", async () => {
  const nats = await startNats();
  for (let round = 0; round < 5; round++) {
    const centers = [await connect(nats), await connect(nats)];
    const results = await Promise.allSettled(centers.map((center) => center.listen(() => undefined)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await Promise.all(centers.map((center) => center.stop()));
  }
});

test("with share both take part, and each alarm is received", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const counts = [0, 0];
  for (const i of [0, 1]) {
    const center = await connect(nats, { share: true, stateDir: tempDir("center") });
    await center.listen(() => {
      counts[i] = (counts[i] ?? 0) + 1;
    });
  }
  await hub.publish(makeAlarms(400), { frameAlarms: 10 });
  await eventually("all are received", () => hub.answered("received").size === 400);
  expect(counts.every((count) => count > 0)).toBe(true);
  expect(counts.reduce((a, b) => a + b)).toBe(400);
});

test("two centers cannot share a state directory", async () => {
  const nats = await startNats();
  const stateDir = tempDir("state");
  await connect(nats, { stateDir });
  await expect(connect(nats, { stateDir })).rejects.toMatchObject({ code: "data_dir_locked" });
});

test("listen is called once", async () => {
  const nats = await startNats();
  const center = await connect(nats);
  await center.listen(() => undefined);
  await expect(center.listen(() => undefined)).rejects.toMatchObject({ code: "wrong_use" });
});

test.each([
  [{ id: "arc.north" }, /^id must be/],
  [{ servers: "" }, /^servers must name/],
  [{ servers: "nats://a:4222,http://b" }, /^servers http:\/\/b is not a URL/],
  [{ concurrency: 0 }, /^concurrency must be/],
  [{ credentialsFile: "/does/not/exist" }, /^credentialsFile cannot be read/],
  [{ id: "", concurrency: 1.5 }, /^id .*; concurrency/],
])("options %j are refused in words", async (options, message) => {
  const refused = connect({ url: "nats://127.0.0.1:1" }, options);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toMatchObject({ code: "invalid_config" });
});

test("without a server connectCenter says in time why there is no connection", async () => {
  const refused = connect({ url: "nats://127.0.0.1:1" }, { connectTimeoutMs: 300, stateDir: tempDir("state") });
  await expect(refused).rejects.toThrow("nothing listens at nats://127.0.0.1:1");
});
