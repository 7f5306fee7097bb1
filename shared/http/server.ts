import type { Socket } from "node:net";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { type ListenAddress, urlOfListen } from "../config/listen.ts";
import { messageOf, RelayError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/log.ts";
import { parseJson } from "../schema/json.ts";
import { errorBody, toRelayError } from "./errors.ts";

export type HttpServer = FastifyInstance;

const REQUEST_MS_MAX = 30_000;
const RETRY_AFTER_S = 5;

/**
 * The HTTP server that agent and hub build on. A body is read as JSON whatever its Content-Type says, so that plain
 * `curl -d` works; every error, also for a path or a method that does not exist, has the one format of `errorBody`;
 * `/livez` answers as long as the process does.
 */
export function createHttpServer(options: { log: Logger; bodyBytesMax: number }): HttpServer {
  const { log, bodyBytesMax } = options;
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: REQUEST_MS_MAX,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    // The id of an alarm may have 146 characters; the router's own limit is 100.
    routerOptions: { maxParamLength: 256 },
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    frameworkErrors: (error, _request, reply) => {
      void sendError(reply, new RelayError("bad_request", messageOf(error)));
    },
    clientErrorHandler: answerMalformed,
  });
  readEveryBodyAsJson(app);
  app.setErrorHandler((error, _request, reply) => {
    const relayError = toRelayError(error, bodyBytesMax);
    if (relayError.code === "internal") log.error({ err: error }, `a request failed: ${messageOf(error)}`);
    return sendError(reply, relayError);
  });
  answerUnknownPaths(app);
  refuseWhileClosing(app);
  app.get("/livez", () => ({ status: "ok" }));
  return app;
}

/** Listens and returns the URL. Throws `address_in_use` if the port is taken or not ours to take. */
export async function listenHttp(app: HttpServer, address: ListenAddress): Promise<string> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (error) {
    const { code } = error as { code?: unknown };
    const where = `${address.host}:${address.port}`;
    const hint = "stop what listens there, or choose another address with `listen`";
    if (code === "EADDRINUSE") throw new RelayError("address_in_use", `${where} is in use`, { hint, cause: error });
    throw new RelayError("address_in_use", `cannot listen at ${where}: ${messageOf(error)}`, {
      hint: "choose another address with `listen`",
      cause: error,
    });
  }
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return urlOfListen({ host: address.host, port });
}

/**
 * Stops taking requests, lets those in progress end for at most `timeoutMs`, then closes every connection: one that a
 * client keeps alive, or a stream of events, must not hold up the end of the process.
 */
export async function closeHttp(app: HttpServer, timeoutMs = 5_000): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

/** In place of fastify's own compilers, which nothing of ours uses: loading them took 44 ms of an agent's start of 1 s. */
function noCompiler(): never {
  throw new Error("a route has a schema, and nothing that reads it: set the compilers before the first route");
}

function sendError(reply: FastifyReply, error: RelayError): FastifyReply {
  if (error.status === 503) void reply.header("retry-after", String(RETRY_AFTER_S));
  return reply.code(error.status).type("application/json; charset=utf-8").send(errorBody(error));
}

/** Refuses what a browser sends from a page: the agent has no login, and any page could reach it. */
export function refuseOrigin(app: HttpServer): void {
  app.addHook("onRequest", (request: FastifyRequest, _reply, done) => {
    if (request.headers.origin === undefined) done();
    else done(new RelayError("origin_refused", "requests from web pages (with an Origin header) are refused"));
  });
}

function readEveryBodyAsJson(app: HttpServer): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook("onRequest", (request, _reply, done) => {
    // Before the parser is chosen: an unknown, malformed or missing type would be answered with 415, and a type
    // without a body with 400. Without a body, `request.body` is undefined.
    const { headers } = request.raw;
    const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
    if (hasBody) headers["content-type"] = "application/json";
    else delete headers["content-type"];
    done();
  });
}

function answerUnknownPaths(app: HttpServer): void {
  const routes: { method: string; path: RegExp }[] = [];
  app.addHook("onRoute", (route) => {
    const source = route.url.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/:[A-Za-z]+/g, "[^/]+");
    for (const method of [route.method].flat()) routes.push({ method, path: new RegExp(`^${source}/?$`) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] as string;
    const methods = [...new Set(routes.filter((route) => route.path.test(path)).map((route) => route.method))];
    if (methods.length === 0) return sendError(reply, new RelayError("not_found", `there is nothing at ${path}`));
    void reply.header("allow", methods.join(", "));
    const message = `${path} takes ${methods.join(", ")}, not ${request.method}`;
    return sendError(reply, new RelayError("method_not_allowed", message));
  });
}

function refuseWhileClosing(app: HttpServer): void {
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  app.addHook("onRequest", (_request, _reply, done) => {
    if (closing) done(new RelayError("stopping", "the process is stopping"));
    else done();
  });
}

/** Answers what is not HTTP at all, in the same format. */
function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(new RelayError("bad_request", "the request is not valid HTTP")));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
