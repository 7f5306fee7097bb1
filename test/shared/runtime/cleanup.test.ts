import { expect, test } from "vitest";
import { Cleanup } from "../../../shared/runtime/lifecycle.ts";
import { capturedLog, silentLog } from "../../helpers/silent-log.ts";

test("what was started last is stopped first, and each only once", async () => {
  const cleanup = new Cleanup(silentLog());
  const stopped: string[] = [];
  for (const name of ["store", "link", "input"]) cleanup.add(name, () => void stopped.push(name));
  await Promise.all([cleanup.close(), cleanup.close()]);
  await cleanup.close();
  expect(stopped).toEqual(["input", "link", "store"]);
});

test("a step that fails or hangs is named, and the others run", async () => {
  const { log, lines } = capturedLog();
  const cleanup = new Cleanup(log);
  const stopped: string[] = [];
  cleanup.add("store", () => void stopped.push("store"));
  cleanup.add("link", () => new Promise<void>(() => undefined), 20);
  cleanup.add("input", () => {
    throw new Error("no");
  });
  await cleanup.close();
  expect(stopped).toEqual(["store"]);
  expect(lines.map(({ msg }) => msg)).toEqual(["stopping input: no", "stopping link: not done after 20 ms"]);
});

test("a step that a start adds after its stop runs at once", async () => {
  const cleanup = new Cleanup(silentLog());
  await cleanup.close();
  const stopped: string[] = [];
  cleanup.add("link", () => void stopped.push("link"));
  await cleanup.close();
  expect(stopped).toEqual(["link"]);
});
