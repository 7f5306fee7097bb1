import { expect, test } from "vitest";
import type { Route, RoutingConfig } from "../../../hub/routing/config.ts";
import { route } from "../../../hub/routing/route.ts";

const to = (...centers: string[]) => ({ to: centers, require: centers.length });
function config(routes: (Partial<Route> & Pick<Route, "name">)[]): RoutingConfig {
  return {
    centers: [],
    routes: routes.map((one) => ({ deliver: to(one.name), continue: false, ...one })),
    defaultRoute: { name: "default", deliver: to("main"), continue: false },
  };
}

test("the first route that matches decides", () => {
  const routes = config([
    { name: "fire", match: { category: ["fire", "gas"] } },
    { name: "rest", match: {} },
  ]);
  expect(route({ category: "gas" }, routes).route).toBe("fire");
  expect(route({ category: "access" }, routes).route).toBe("rest");
});

test("an alarm that no route matches goes by the default route", () => {
  const routes = config([{ name: "fire", match: { category: ["fire"] } }]);
  expect(route({ category: "access" }, routes)).toEqual({ route: "default", centers: ["main"], require: 1 });
});

test("keys are joined by AND, values by OR, and an absent field matches only what matches nothing", () => {
  const routes = config([{ name: "it", match: { category: ["fire", "gas"], account: ["10*"] } }]);
  expect(route({ category: "gas", account: "1001" }, routes).route).toBe("it");
  expect(route({ category: "gas", account: "2001" }, routes).route).toBe("default");
  expect(route({ category: "gas" }, routes).route).toBe("default");
  expect(route({ category: "gas" }, config([{ name: "it", match: { account: ["*"] } }])).route).toBe("it");
});

test.each([
  ["10*", "1001", true],
  ["10*", "210", false],
  ["10?1", "1001", true],
  ["10?1", "10001", false],
  ["a.c", "abc", false],
  ["[ab]", "[ab]", true],
  ["*", "", true],
  ["a*c", "a\nc", true],
])("the pattern %s on %j: %s", (glob, account, matches) => {
  const routes = config([{ name: "it", match: { account: [glob] } }]);
  expect(route({ account }, routes).route === "it").toBe(matches);
});

test("not takes away what matches all of its keys", () => {
  const routes = config([{ name: "it", match: { category: ["fire"], not: { account: ["9*"], area: ["lab"] } } }]);
  expect(route({ category: "fire", account: "9001", area: "lab" }, routes).route).toBe("default");
  expect(route({ category: "fire", account: "9001", area: "hall" }, routes).route).toBe("it");
});

test("test matches what is made under test, and test signals", () => {
  const routes = config([{ name: "tests", match: { test: true } }]);
  expect(route({ category: "fire", test: true }, routes).route).toBe("tests");
  expect(route({ category: "test" }, routes).route).toBe("tests");
  expect(route({ category: "fire" }, routes).route).toBe("default");
});

test("a route that continues adds its centers, and all of the union are then required", () => {
  const routes = config([
    { name: "log", match: {}, deliver: { to: ["archive", "copy"], require: 1 }, continue: true },
    { name: "fire", match: { category: ["fire"] }, deliver: { to: ["north", "archive"], require: 1 } },
  ]);
  expect(route({ category: "fire" }, routes)).toEqual({
    route: "log+fire",
    centers: ["archive", "copy", "north"],
    require: 3,
  });
  expect(route({ category: "gas" }, routes)).toEqual({ route: "log", centers: ["archive", "copy"], require: 1 });
});

test("deliver none records only", () => {
  const routes = config([{ name: "openings", match: { category: ["open-close"] }, deliver: "none" }]);
  expect(route({ category: "open-close" }, routes)).toEqual({ route: "openings", centers: [], require: 0 });
});
