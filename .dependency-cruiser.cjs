// The import boundaries of the project: agent -> shared <- hub, no cycles, SQL only where a store lives.
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "agent-imports-shared-only",
      severity: "error",
      from: { path: "^agent/" },
      to: { path: "^(hub|deploy|test)/" },
    },
    {
      name: "hub-imports-shared-only",
      severity: "error",
      from: { path: "^hub/" },
      to: { path: "^(agent|deploy|test)/" },
    },
    {
      name: "shared-imports-neither",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(agent|hub|deploy|test)/" },
    },
    {
      name: "center-is-a-leaf",
      comment: "only hub connectors and the local start build on the center library",
      severity: "error",
      from: { path: "^(agent|shared/(?!center/)|hub/(?!connectors/))" },
      to: { path: "^shared/center/" },
    },
    {
      name: "nats-behind-one-adapter",
      comment: "so that the client library can be replaced in one folder",
      severity: "error",
      from: { path: "^(agent|hub|shared|deploy)/", pathNot: "^shared/nats/" },
      to: { path: "node_modules/nats/" },
    },
    {
      name: "sqlite-behind-one-adapter",
      severity: "error",
      from: { path: "^(agent|hub|shared|deploy)/", pathNot: "^shared/sqlite/" },
      to: { path: "node_modules/(@types/)?better-sqlite3/" },
    },
    {
      name: "routing-is-pure",
      comment: "the router sees neither clock nor store nor network",
      severity: "error",
      from: { path: "^hub/routing/" },
      to: {
        pathNot: ["^hub/routing/", "^shared/(alarm|schema|errors)", "node_modules/json-schema-to-ts"],
      },
    },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, pathNot: ["^test/", "^\\.", "main\\.ts$"] },
      to: {},
    },
    {
      name: "not-to-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: "test/tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".mjs", ".cjs"],
      conditionNames: ["import", "types", "node", "default"],
      exportsFields: ["exports"],
    },
  },
};
