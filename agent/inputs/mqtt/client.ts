import { createRequire } from "node:module";
import type { connect } from "mqtt";

type Connect = typeof connect;

/** A dependency of MQTT.js and not of ours, so it is never imported by its name. */
const CODEC = "mqtt-packet";

/**
 * Loads MQTT.js, at the first connection: an agent without MQTT does not pay for it. Its codec would make a buffer for
 * each of the 65,536 numbers of two bytes, which is 7 MB that an idle gateway holds for nothing; the codec's own switch
 * turns that off. The codec is the client's dependency, so it is asked for from where the client is.
 */
export async function loadConnect(): Promise<Connect> {
  const { connect } = await import("mqtt");
  const require = createRequire(createRequire(import.meta.url).resolve("mqtt"));
  const codec = require(CODEC) as { writeToStream?: { cacheNumbers?: boolean } };
  if (codec.writeToStream !== undefined) codec.writeToStream.cacheNumbers = false;
  return connect;
}
