import { createServer } from "node:net";
import { Aedes } from "aedes";

// The MQTT broker of a machine that has no Mosquitto. It keeps nothing over its end.
const [port = ""] = process.argv.slice(2);
const aedes = await Aedes.createBroker();
createServer((socket) => aedes.handle(socket)).listen(Number(port), "127.0.0.1");
