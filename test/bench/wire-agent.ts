import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { formatAlarmId } from "../../shared/alarm/identity.ts";
import { LANES, type Lane, priorityOf } from "../../shared/alarm/priority.ts";
import type { StageMessage } from "../../shared/wire/change.ts";
import { encodeFrame } from "../../shared/wire/frame.ts";
import type { Presence } from "../../shared/wire/presence.ts";
import { alarmSubject, inboxPrefix, presenceSubject, SUBJECTS, stageSubject } from "../../shared/wire/subjects.ts";
import { report } from "./load.ts";

const HIGH: Lane = 1;
const EPOCH = "e1";
const HEARTBEAT_MS = 30_000;
const LINE_END = "\r\n";
const NO_ROWS = Object.fromEntries(LANES.map((lane) => [priorityOf(lane), 0])) as Presence["queue"]["unsettled"];

/**
 * What one agent is to the server and the hub, and nothing else: a connection of its own that speaks just enough of the
 * NATS protocol to beat, to ask for changes, to relay an alarm and to hear of it. A process can be thousands of them.
 */
export class WireAgent {
  readonly name: string;
  /** The hub has told that the center has received its alarm. */
  isReceived = false;
  readonly #startedAt = new Date().toISOString();
  readonly #inbox: string;
  readonly #waiting = new Map<string, (payload: string) => void>();
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #ready: () => void = () => undefined;
  #asked = 0;
  #lastSeq = 0;

  constructor(name: string) {
    this.name = name;
    this.#inbox = inboxPrefix("agent", name);
  }

  /** Resolves once the server has taken the connection and its subscriptions. */
  async connect(port: number): Promise<void> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    const ready = new Promise<void>((resolve) => {
      this.#ready = resolve;
    });
    const options = {
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      name: this.name,
      protocol: 1,
    };
    this.#send(`CONNECT ${JSON.stringify({ ...options, lang: "bench", version: "1" })}`);
    this.#send(`SUB ${this.#inbox}.* 1`);
    this.#send(`SUB ${stageSubject(this.name)} 2`);
    this.#send("PING");
    await ready;
  }

  beat(): void {
    const presence: Presence = {
      agent: this.name,
      version: "bench",
      epoch: EPOCH,
      startedAt: this.#startedAt,
      at: new Date().toISOString(),
      heartbeatMs: HEARTBEAT_MS,
      epochs: this.#epochs,
      lastSeq: this.#lastSeq,
      queue: { unsettled: NO_ROWS, bytes: 0, oldestUnsettledMs: 0 },
      leaving: false,
    };
    const payload = JSON.stringify(presence);
    this.#send(`PUB ${presenceSubject(this.name)} ${Buffer.byteLength(payload)}${LINE_END}${payload}`);
  }

  /** Asks the hub for changes; resolves with its answer. */
  ask(): Promise<string> {
    const payload = JSON.stringify({ agent: this.name, since: 0, epochs: this.#epochs });
    const { reply, answer } = this.#expectAnswer();
    this.#send(`PUB ${SUBJECTS.changes} ${reply} ${Buffer.byteLength(payload)}${LINE_END}${payload}`);
    return answer;
  }

  /** Relays one alarm in a frame of its own; resolves with the PubAck. */
  raise(): Promise<string> {
    this.#lastSeq += 1;
    const id = formatAlarmId(this.name, EPOCH, this.#lastSeq);
    const more = { priority: priorityOf(HIGH), condition: "XX", acceptedAt: new Date().toISOString() };
    const alarm = { id, agent: this.name, ...report(this.#lastSeq, "intrusion"), ...more };
    const payload = encodeFrame([JSON.stringify(alarm)]);
    const head = `NATS/1.0${LINE_END}Nats-Msg-Id: ${id}${LINE_END}${LINE_END}`;
    const bytes = Buffer.byteLength(payload);
    const { reply, answer } = this.#expectAnswer();
    const subject = alarmSubject(this.name, HIGH);
    this.#send(`HPUB ${subject} ${reply} ${head.length} ${head.length + bytes}${LINE_END}${head}${payload}`);
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
  }

  get #epochs(): Presence["epochs"] {
    return this.#lastSeq === 0 ? [] : [[EPOCH, 1, this.#lastSeq]];
  }

  #expectAnswer(): { reply: string; answer: Promise<string> } {
    this.#asked += 1;
    const reply = `${this.#inbox}.${this.#asked}`;
    return { reply, answer: new Promise((resolve) => this.#waiting.set(reply, resolve)) };
  }

  #send(text: string): void {
    this.#socket?.write(text + LINE_END);
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (;;) {
      const lineEnd = this.#received.indexOf(LINE_END);
      if (lineEnd < 0) return;
      const line = this.#received.toString("latin1", 0, lineEnd);
      const bodyStart = lineEnd + LINE_END.length;
      if (!line.startsWith("MSG ") && !line.startsWith("HMSG ")) {
        this.#received = this.#received.subarray(bodyStart);
        this.#onLine(line);
        continue;
      }
      const words = line.split(" ");
      const bodyEnd = bodyStart + Number(words.at(-1));
      if (this.#received.length < bodyEnd + LINE_END.length) return;
      const payload = this.#received.toString("utf8", bodyStart, bodyEnd);
      this.#received = this.#received.subarray(bodyEnd + LINE_END.length);
      this.#onMessage(words[1] ?? "", payload);
    }
  }

  #onLine(line: string): void {
    if (line === "PING") this.#send("PONG");
    else if (line === "PONG") this.#ready();
    else if (line.startsWith("-ERR")) throw new Error(`${this.name}: the server says ${line}`);
  }

  #onMessage(subject: string, payload: string): void {
    const answered = this.#waiting.get(subject);
    if (answered !== undefined) {
      this.#waiting.delete(subject);
      answered(payload);
    } else if (subject === stageSubject(this.name)) {
      const { changes } = JSON.parse(payload) as StageMessage;
      if (changes.some(({ kind }) => kind === "received")) this.isReceived = true;
    }
  }
}
