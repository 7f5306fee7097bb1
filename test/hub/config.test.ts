import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type HubConfig, hubSchema, loadHubConfig } from "../../hub/config.ts";
import { exampleYaml } from "../../shared/config/example.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const SECRET_BEFORE = `whsec_${Buffer.alloc(24, 8).toString("base64")}`;

const BASE = `
nats: { embedded: { port: 0, dataDir: ./data/nats } }
dataDir: ./data/hub
centers: [{ id: arc-north }, { id: arc-south }, { id: arc-backup, framing: single }]
defaultRoute: { deliver: { to: [arc-north] } }
`;

function load(text: string, env: Record<string, string> = {}): HubConfig {
  return loadHubConfig({ text, env });
}

/** The mistakes that loading reports, as `path: message`. */
function mistakes(text: string, env: Record<string, string> = {}): string[] {
  try {
    load(text, env);
  } catch (error) {
    if (error instanceof RelayError) return error.details.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

test("a small file becomes a complete configuration", () => {
  const config = load(BASE);
  expect(config.http.listen).toEqual({ host: "127.0.0.1", port: 8080 });
  expect(config.keepClosedMs).toBe(400 * 86_400_000);
  expect(config.dataDir).toBe(join(process.cwd(), "data/hub"));
  expect(config.nats).toMatchObject({ kind: "embedded", embedded: { port: 0, host: undefined } });
  expect(config.routing).toEqual({
    centers: [
      { id: "arc-north", framing: "batch" },
      { id: "arc-south", framing: "batch" },
      { id: "arc-backup", framing: "single" },
    ],
    routes: [],
    defaultRoute: { name: "default", deliver: { to: ["arc-north"], require: 1 }, continue: false },
  });
});

test("servers, credentials and replicas instead of the embedded broker", () => {
  const config = load(BASE.replace(/nats:.*/, "nats: { servers: ['nats://a:4222', 'nats://b:4222'], replicas: 3 }"));
  expect(config.nats).toMatchObject({
    kind: "servers",
    target: { servers: ["nats://a:4222", "nats://b:4222"] },
    replicas: 3,
  });
});

test("routes settle into lists and numbers, and survive JSON", () => {
  const config = load(`${BASE}
routes:
  - name: fire
    match: { category: [fire, gas], account: "10*", test: false, not: { point: "x?" } }
    deliver: { to: [arc-north, arc-south], require: any }
    continue: true
  - { name: openings, match: { category: open-close }, deliver: none }
  - { name: two, match: { agent: gw-1 }, deliver: { to: [arc-north, arc-south, arc-backup], require: 2 } }
`);
  expect(config.routing.routes).toEqual([
    {
      name: "fire",
      match: { category: ["fire", "gas"], account: ["10*"], test: false, not: { point: ["x?"] } },
      deliver: { to: ["arc-north", "arc-south"], require: 1 },
      continue: true,
    },
    { name: "openings", match: { category: ["open-close"] }, deliver: "none", continue: false },
    {
      name: "two",
      match: { agent: ["gw-1"] },
      deliver: { to: ["arc-north", "arc-south", "arc-backup"], require: 2 },
      continue: false,
    },
  ]);
  expect(JSON.parse(JSON.stringify(config.routing))).toEqual(config.routing);
});

test("a webhook's secrets come from files and stay out of what is published", () => {
  const dir = tempDir("hub-config");
  writeFileSync(join(dir, "new.secret"), `${SECRET}\n`);
  writeFileSync(join(dir, "hub.yaml"), BASE.replace("{ id: arc-south }", webhook("secretFile: ./new.secret")));
  const config = loadHubConfig({ file: join(dir, "hub.yaml"), env: {} });
  expect(config.centers[1]).toEqual({
    id: "arc-web",
    framing: "batch",
    connector: {
      webhook: {
        url: "https://arc.example.com/alarms",
        secrets: [SECRET],
        format: "single",
        headers: {},
        timeoutMs: 10_000,
      },
    },
  });
  expect(JSON.stringify(config.routing)).not.toContain("whsec_");
  const rotating = load(
    BASE.replace("{ id: arc-south }", webhook(`secret: ${SECRET}, secretPrevious: ${SECRET_BEFORE}`)),
  );
  expect(rotating.centers[1]?.connector?.webhook.secrets).toEqual([SECRET, SECRET_BEFORE]);
});

function webhook(keys: string): string {
  return `{ id: arc-web, connector: { webhook: { url: "https://arc.example.com/alarms", ${keys} } } }`;
}

test("every mistake is told at once, with its path", () => {
  const found = mistakes(`
nats: { embedded: { port: 70000, dataDir: ./n } }
dataDir: ./data
colour: red
http: { listen: nowhere }
keepClosed: 3
centers: [{ id: a.b }, { id: arc-north }, { id: arc-north }]
routes:
  - { name: fire, match: { category: fier }, deliver: { to: [arc-nord], require: 2 } }
  - { name: fire, match: { kind: x }, deliver: { to: [arc-north] } }
`);
  expect(found.map((line) => line.replace(/:.*/, "")).sort()).toEqual([
    "centers[0].id",
    "centers[2].id",
    "colour",
    "defaultRoute",
    "http.listen",
    "keepClosed",
    "nats.embedded.port",
    "routes[0].deliver.require",
    "routes[0].deliver.to[0]",
    "routes[0].match.category",
    "routes[1].match.kind",
  ]);
});

test("escalation is not accepted yet", () => {
  const routes = "routes: [{ name: a, match: { account: '1' }, deliver: { to: [arc-north] }, escalate: [] }]";
  expect(mistakes(`${BASE}\n${routes}`)).toEqual(["routes[0].escalate: is not a known key"]);
});

test.each([
  ["deliver: nobody", "deliver: must be none, or centers such as { to: [arc-north] }"],
  ["deliver: { to: [arc-north], require: most }", "deliver.require: must be all, any or a number"],
  ["deliver: { to: [arc-north], require: 0 }", "deliver.require: must be >= 1"],
  ["deliver: { to: [] }", "deliver.to: must NOT have fewer than 1 items"],
])("a route's centers are refused in words: %s", (deliver, mistake) => {
  expect(mistakes(`${BASE}\nroutes: [{ name: a, ${deliver} }]`)).toEqual([`routes[0].${mistake}`]);
});

test("an account that YAML would read as a number is refused", () => {
  const found = mistakes(`${BASE}\nroutes: [{ name: a, match: { account: [0012] }, deliver: none }]`);
  expect(found).toEqual(["routes[0].match.account[0]: must be a string: put it in quotes"]);
});

test.each([
  ["neither", "nats: {}", "nats: needs either embedded or servers"],
  [
    "both",
    "nats: { embedded: { dataDir: ./n }, servers: ['nats://a:4222'] }",
    "nats.servers: stands beside embedded; give only one of the two",
  ],
])("a broker is one of two: %s", (_, nats, mistake) => {
  expect(mistakes(BASE.replace(/nats:.*/, nats))).toEqual([mistake]);
});

test.each([
  ["no secret", "", "secret: is required"],
  ["a secret that is none", "secret: hush", "secret: must be whsec_"],
  ["a header of the connector", `secret: ${SECRET}, headers: { Webhook-Id: x }`, "headers.Webhook-Id: is set"],
])("a webhook is refused: %s", (_, keys, mistake) => {
  const found = mistakes(BASE.replace("{ id: arc-south }", webhook(keys)));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`centers[1].connector.webhook.${mistake}`);
});

const routes = (...matches: string[]): string =>
  `${BASE}\nroutes:\n${matches.map((match, i) => `  - { name: r${i}, ${match}, deliver: { to: [arc-south] } }`).join("\n")}`;

test.each([
  ["after one without match", ["continue: false", "match: { account: '1' }"]],
  ["after its equal", ["match: { category: fire }", "match: { category: [fire] }"]],
  ["after a wider list", ["match: { category: [fire, gas] }", "match: { category: gas, account: '1' }"]],
  ["after a wider glob", ["match: { account: '1*' }", "match: { account: ['12*', '1?3'] }"]],
  ["after a star that needs no key", ["match: { account: '*' }", "match: { category: fire }"]],
  ["excluded alike", ["match: { not: { account: '1' } }", "match: { category: fire, not: { account: '1*' } }"]],
])("an unreachable route is named: %s", (_, matches) => {
  expect(mistakes(routes(...matches))).toEqual([
    "routes[1]: is never reached: r0 comes before it and takes every alarm that it matches",
  ]);
});

test.each([
  ["the earlier one continues", ["continue: true", "match: { account: '1' }"]],
  ["the earlier one is narrower", ["match: { category: fire, account: '1' }", "match: { category: fire }"]],
  ["globs that only overlap", ["match: { account: '1?' }", "match: { account: '1*' }"]],
  ["a star is not a question mark", ["match: { account: '?*' }", "match: { account: '*' }"]],
  ["the earlier one excludes some", ["match: { not: { account: '1' } }", "match: { category: fire }"]],
  ["under test or not", ["match: { test: true }", "match: { category: fire }"]],
])("a route that can be reached passes: %s", (_, matches) => {
  expect(mistakes(routes(...matches))).toEqual([]);
});

test("the printed example loads as it is", () => {
  const config = load(exampleYaml(hubSchema));
  expect(config.routing.centers.length).toBeGreaterThan(0);
});
