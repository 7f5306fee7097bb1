// A receiving center without our library: any NATS client can be one. It is written from the interface's words alone,
// and takes the id of the center and the URL of NATS. Prints one line per alarm: its id and its attempt.
import { connect } from "nats";

const [id, servers] = process.argv.slice(2);
const nc = await connect({ servers });
const js = nc.jetstream();

async function receipt(fields) {
  await js.publish(`receipt.${id}`, JSON.stringify({ at: new Date().toISOString(), ...fields }));
}

async function receive(lane) {
  const consumer = await js.consumers.get("DELIVERIES", `${id}-${lane}`);
  for await (const message of await consumer.consume({ max_messages: 2 })) {
    const frame = message.json();
    const events = Array.isArray(frame) ? frame : [frame];
    for (const { data, attempt } of events) console.log(`${data.id} ${attempt}`);
    const alarms = events.map((event) => event.data.id);
    await receipt({ type: "received", alarms });
    await receipt({ type: "acknowledged", alarms, operator: "lee", note: "seen" });
    message.ack();
  }
}

await Promise.all(["critical", "high", "medium", "low"].map(receive));
