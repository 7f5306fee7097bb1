import { expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { startNats } from "../helpers/nats.ts";
import { startProcess } from "../helpers/processes.ts";
import { accept, makeMixedReports, stagesOf } from "./alarms.ts";
import { Collector } from "./collector.ts";
import { startAgent, startHub } from "./programs.ts";

test.each(["batch", "single"])(
  "a center that uses nothing but a NATS client receives and acknowledges, framing %s",
  async (framing) => {
    const nats = await startNats();
    const hub = await startHub({ natsUrl: nats.url, centers: [{ id: "arc-north", framing }] });
    const agent = await startAgent("gw-1", nats.url);
    const ids = await accept(agent, makeMixedReports(400));
    const center = startProcess(["test/e2e/plain-center.mjs", "arc-north", nats.url]);

    const isThrough = async (id: string): Promise<boolean> => {
      const acknowledged = { center: "arc-north", state: "acknowledged", operator: "lee" };
      const { stages } = await stagesOf(agent, id);
      expect(stages).toMatchObject({ settledAt: expect.any(String), deliveries: [acknowledged] });
      expect(stages.deliveries[0]).toMatchObject({ receivedAt: expect.any(String) });
      const held = await hub.get<{ deliveries: object[] }>(`/v1/alarms/${id}`);
      expect(held.deliveries).toMatchObject([{ ...acknowledged, attempt: 1, receivedAt: expect.any(String) }]);
      return true;
    };
    for (const id of ids) await eventually(`${id} is acknowledged`, () => isThrough(id), { timeoutMs: 30_000 });
    expect(center.errorLines).toEqual([]);
    const collector = new Collector();
    for (const line of center.lines) {
      const [id = "", attempt] = line.split(" ");
      const alarm = await stagesOf(agent, id);
      collector.handle({ alarm, attempt: Number(attempt) });
    }
    collector.expectOnceInOrder(ids);
  },
  60_000,
);
