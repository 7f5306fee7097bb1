// A process that holds an embedded broker, to be killed: `node holder.mjs DATA_DIR`.
import { pino } from "pino";
import { createBroker } from "../../../dist/hub/broker/broker.js";

const broker = createBroker({ port: 0, dataDir: process.argv[2], log: pino({ level: "silent" }) });
await broker.start();
console.log(JSON.stringify({ serverPid: broker.pid }));
