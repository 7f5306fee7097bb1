import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { withoutUserInfo } from "../../../shared/nats/user-info.ts";
import { startNats } from "../../helpers/nats.ts";
import { capturedLog, silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

test("user and password move out of the URLs", () => {
  const servers = ["nats://a%40b:p:w%2F1@one:4222", "tls://two:4222", "a%40b:p:w%2F1@three"];
  expect(withoutUserInfo({ servers })).toMatchObject({
    servers: ["nats://one:4222", "tls://two:4222", "three"],
    user: "a@b",
    password: "p:w/1",
  });
});

test("a single name is a token", () => {
  expect(withoutUserInfo({ servers: ["nats://s3cret@one:4222"] })).toMatchObject({
    servers: ["nats://one:4222"],
    token: "s3cret",
  });
});

test("what is named beside the URLs wins, and URLs without a user stay as they are", () => {
  const target = { servers: ["nats://a:b@one"], user: "named", password: "other" };
  expect(withoutUserInfo(target)).toEqual({ ...target, servers: ["nats://one"] });
  expect(withoutUserInfo({ servers: ["nats://one:4222"] })).toMatchObject({ servers: ["nats://one:4222"] });
});

test("a link enters with the user of its URL, and no log shows the password", async () => {
  const nats = await startNats({ config: "authorization { user: north, password: s3cret }" });
  const { log, lines } = capturedLog();
  const start = (password: string, linkLog = silentLog()): NatsLink => {
    const servers = [`nats://north:${password}@127.0.0.1:${nats.port}`];
    const link = new NatsLink({ target: { servers }, name: "test", inboxPrefix: "_INBOX_test", log: linkLog });
    whenTestFinished(() => link.stop());
    link.start();
    return link;
  };
  await start("s3cret").waitConnected(5_000);
  await expect(start("wr0ng", log).waitConnected(1_000)).rejects.toThrow("refused the credentials");
  expect(JSON.stringify(lines)).not.toContain("wr0ng");
});
