import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { HttpConnection } from "./http-connection.ts";

test("one connection carries request after request, whole and in pieces, and says when it was closed", async () => {
  const connections = new Set<unknown>();
  const server = createServer(async (request, response) => {
    connections.add(request.socket);
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk as string;
    if (request.url === "/end") request.socket.destroy();
    else response.writeHead(request.method === "POST" ? 201 : 404, { "content-length": Buffer.byteLength(body) });
    // The head leaves alone, and the body in two parts, one of them in the middle of a character.
    const bytes = Buffer.from(body);
    response.flushHeaders();
    response.write(bytes.subarray(0, 1));
    setImmediate(() => response.end(bytes.subarray(1)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const connection = await HttpConnection.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await connection.post("/echo", "ünë")).toEqual({ status: 201, body: "ünë" });
  expect(await connection.post("/echo", "x".repeat(200_000))).toEqual({ status: 201, body: "x".repeat(200_000) });
  expect(await connection.get("/echo")).toEqual({ status: 404, body: "" });
  expect(connections.size).toBe(1);
  await expect(connection.get("/end")).rejects.toThrow("closed the connection");
});
