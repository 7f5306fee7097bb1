import type { MqttClient } from "mqtt";

/** Messages that may be on their way to the disk at once. Brokers send fewer: Mosquitto 20 unless told otherwise. */
const MESSAGES_MAX = 100;

type Callback = (error?: Error) => void;
interface Packet {
  cmd: string;
  messageId?: number;
}
type SendPacket = (packet: Packet, done?: Callback, ...rest: unknown[]) => unknown;

/**
 * Sends a PUBACK for each message once it is stored, in the order in which the messages came (MQTT 3.1.1, section 4.6),
 * while the messages behind it are already being read: those that meet share one sync of the disk. On a slow card that
 * is the difference between 50 and 1,000 messages a second, and a broker drops what it cannot hand over in time.
 *
 * MQTT.js itself sends the PUBACK when it goes on to the next message, so that it would take one at a time. Its method
 * for sending is private: where a version has none of that name, it is left as it is, which is slower and as safe.
 */
export class AckWindow {
  readonly #send: SendPacket | undefined;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #moved: (() => void) | undefined;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is called when a message could not be stored, and everything before it has been answered. */
  constructor(client: MqttClient, onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
    const inner = client as unknown as { _sendPacket?: SendPacket };
    this.#send = inner._sendPacket?.bind(client);
    const send = this.#send;
    if (send === undefined) return;
    inner._sendPacket = (packet, done, ...rest) => {
      if (packet.cmd !== "puback") return send(packet, done, ...rest);
      // Ours goes out later.
      done?.();
      return client;
    };
  }

  /**
   * Takes over the answer to a message. Resolves when the next one may be read. If `stored` rejects, neither this message
   * nor any behind it is answered, and without the window's own way of sending nothing more is read.
   */
  async add({ qos, messageId }: { qos: number; messageId?: number | undefined }, stored: Promise<void>): Promise<void> {
    const send = this.#send;
    this.#waiting++;
    // It may fail before its turn has come.
    stored.catch(() => undefined);
    this.#tail = this.#tail.then(async () => {
      await stored;
      this.#waiting--;
      this.#moved?.();
      if (send !== undefined && qos === 1 && messageId !== undefined) send({ cmd: "puback", messageId });
    });
    this.#tail.catch((error: unknown) => this.#failed(error));
    if (send === undefined) return this.#tail.catch(() => new Promise(() => undefined));
    if (this.#waiting >= MESSAGES_MAX) await new Promise<void>((resolve) => (this.#moved = resolve));
  }

  #failed(error: unknown): void {
    this.#onFailure(error);
    this.#moved?.();
  }

  /** Resolves when everything so far is answered; rejects if something could not be stored. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
