import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { closeHttp, createHttpServer, type HttpServer, listenHttp } from "../../../shared/http/server.ts";
import { capturedLog, silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

async function serve(
  add: (app: HttpServer) => void = () => undefined,
  log = silentLog(),
): Promise<{ app: HttpServer; url: string }> {
  const app = createHttpServer({ log, bodyBytesMax: 1_000 });
  app.post("/things/:id", (request) => ({ body: request.body ?? null }));
  add(app);
  const url = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  whenTestFinished(() => closeHttp(app, 0));
  return { app, url };
}

async function errorOf(url: string, init?: RequestInit): Promise<{ status: number; code: string; message: string }> {
  const answer = await fetch(url, init);
  const { error } = (await answer.json()) as { error: { code: string; message: string; details: unknown[] } };
  expect(error.details).toBeInstanceOf(Array);
  return { status: answer.status, code: error.code, message: error.message };
}

test("every error has one format", async () => {
  const { log, lines } = capturedLog();
  const { url } = await serve((app) => {
    app.get("/broken", () => {
      throw new Error("a secret");
    });
  }, log);
  expect(await errorOf(`${url}/nothing`)).toMatchObject({ status: 404, code: "not_found" });
  expect(await errorOf(`${url}/things/1`)).toMatchObject({ status: 405, code: "method_not_allowed", message: /POST/ });
  expect(await errorOf(`${url}/things/%zz`)).toMatchObject({ status: 400, code: "bad_request" });
  const post = { method: "POST" };
  expect(await errorOf(`${url}/things/1`, { ...post, body: "{" })).toMatchObject({ status: 400, code: "invalid_json" });
  expect(await errorOf(`${url}/things/1`, { ...post, body: "x".repeat(1_001) })).toMatchObject({
    status: 413,
    code: "body_too_large",
    message: /1000/,
  });
  expect(await errorOf(`${url}/things/1`, { ...post, body: new Uint8Array([0xff]) })).toMatchObject({
    status: 400,
    code: "invalid_json",
    message: /UTF-8/,
  });
  const broken = await errorOf(`${url}/broken`);
  expect(broken).toMatchObject({ status: 500, code: "internal" });
  expect(broken.message).not.toMatch(/secret/);
  expect(lines.some(({ msg }) => msg.includes("a secret"))).toBe(true);
});

test("what is not HTTP gets the same format", async () => {
  const { url } = await serve();
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("nonsense\r\n\r\n");
  const [data] = (await once(socket, "data")) as [Buffer];
  expect(String(data)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
  socket.destroy();
});

test("a request without a body has none, and any Content-Type is read as JSON", async () => {
  const { url } = await serve();
  const bodyOf = async (init: RequestInit): Promise<unknown> =>
    (await fetch(`${url}/things/1`, { method: "POST", ...init })).json();
  expect(await bodyOf({})).toEqual({ body: null });
  expect(await bodyOf({ headers: { "content-type": "text/plain" } })).toEqual({ body: null });
  expect(await bodyOf({ body: '{"a":1}' })).toEqual({ body: { a: 1 } });
  expect(await bodyOf({ body: "[1]", headers: { "content-type": "image/png" } })).toEqual({ body: [1] });
});

test("an id of 146 characters is found", async () => {
  const { url } = await serve((app) => app.get("/ids/:id", (request) => request.params));
  const id = "x".repeat(146);
  expect(await (await fetch(`${url}/ids/${id}`)).json()).toEqual({ id });
});

test("a port in use is one sentence", async () => {
  const { url } = await serve();
  const second = createHttpServer({ log: silentLog(), bodyBytesMax: 1_000 });
  const port = Number(new URL(url).port);
  await expect(listenHttp(second, { host: "127.0.0.1", port })).rejects.toMatchObject({ code: "address_in_use" });
  await second.close();
});

test("closing does not wait for connections that a client keeps alive, nor for ever for a request", async () => {
  let began: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => (began = resolve));
  const { app, url } = await serve((server) =>
    server.get("/slow", () => {
      began?.();
      return new Promise(() => undefined);
    }),
  );
  await (await fetch(`${url}/livez`)).json();
  const slow = fetch(`${url}/slow`).catch(() => "cut");
  await begun;
  const startedAtMs = performance.now();
  await closeHttp(app, 200);
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  expect(await slow).toBe("cut");
});
