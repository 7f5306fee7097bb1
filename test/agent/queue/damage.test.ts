import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { QUEUE_FILE, type Queue } from "../../../agent/queue/queue.ts";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import type { SeqRange } from "../../../shared/alarm/identity.ts";
import { openDamaged, readByKey, tryRead } from "../../../shared/sqlite/salvage.ts";
import type { Change } from "../../../shared/wire/change.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, changer, claimAll, openQueue, report, reports, seqOf } from "./open.ts";

const asideFiles = (dataDir: string) => readdirSync(dataDir).filter((name) => /\.damaged-[^.]*Z(-\d+)?$/.test(name));
const noticesOf = (queue: Queue) => [...queue.iterate({ point: "queue" })];
const notice = (queue: Queue, code: string) =>
  eventually(`an alarm ${code}`, () => noticesOf(queue).find((alarm) => alarm.code === code));

/** A queue with alarms in every stage over two epochs, closed: 1 to 300 settled or held, 301 to 800 accepted. */
async function makeQueue(dataDir: string): Promise<{ ids: string[] }> {
  let queue = openQueue({ dataDir });
  const hub = changer(queue);
  const take = async (count: number) => {
    const all = Array.from({ length: count }, (_, i) => report({ point: `zone-${i}`, text: "x".repeat(i % 400) }));
    return (await queue.accept(all, { input: "test" })).map((one) => (one.kind === "accepted" ? one.id : ""));
  };
  const ids = await take(400);
  await hub.tell({ kind: "held", ids: [[queue.epoch, 1, 300]], centers: ["a"] });
  await hub.tell({ kind: "received", ids: [[queue.epoch, 1, 200]], center: "a" });
  await hub.tell({ kind: "settled", ids: [[queue.epoch, 1, 200]] });
  await queue.close();
  queue = openQueue({ dataDir });
  ids.push(...(await take(400)));
  await queue.close();
  return { ids };
}

/** What SQLite itself can still read of a file, row by row, whole enough to be an alarm. */
function readableIds(path: string, from: readonly string[]): string[] {
  const known = new Set(from);
  const ids: string[] = [];
  let db: ReturnType<typeof openDamaged>;
  try {
    db = openDamaged(path);
  } catch {
    return [];
  }
  readByKey<{ alarm: string }>(
    db,
    { table: "body", key: "seq", columns: "alarm" },
    { first: 1, last: 2_000 },
    (row) => {
      try {
        const { id } = JSON.parse(row.alarm) as Alarm;
        if (known.has(id)) ids.push(id);
      } catch {
        // Its text was hit.
      }
    },
  );
  db.close();
  return ids;
}

test("a file whose bodies are hit is set aside; the rest keeps its ids and stages, and an alarm names what is lost", async () => {
  const dataDir = tempDir("queue");
  const { ids } = await makeQueue(dataDir);
  const path = join(dataDir, QUEUE_FILE);
  const bytes = readFileSync(path);
  // A page in the midst of the texts.
  const at = bytes.indexOf(`"id":"${ids[600]}"`);
  bytes.fill(0xa5, at - (at % 4096), at - (at % 4096) + 4096);
  writeFileSync(path, bytes);

  const queue = openQueue({ dataDir });
  queue.start();
  const damage = await notice(queue, "queue-damaged");
  const [aside] = asideFiles(dataDir);
  expect(damage).toMatchObject({ category: "supervision", point: "queue", attributes: { file: aside } });
  expect(aside).toMatch(/^queue\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
  expect(readFileSync(join(dataDir, aside ?? "")).equals(bytes)).toBe(true);

  const kept = new Set([...queue.iterate({})].map((alarm) => alarm.id));
  const gone = ids.filter((id) => !kept.has(id)).map(seqOf);
  expect(gone).toContain(601);
  expect(gone.length).toBeLessThan(60);
  const loss = await notice(queue, "queue-loss");
  expect(loss.attributes).toMatchObject({ reason: "damaged", alarms: gone.length });
  const { lost } = JSON.parse(loss.raw ?? "") as { lost: SeqRange[] };
  const epoch = ids[600]?.split(".")[1];
  expect(lost).toEqual([[epoch, gone[0], gone.at(-1)]]);
  expect(queue.get(ids[0] ?? "")?.stages).toMatchObject({ deliveries: [{ center: "a", state: "received" }] });
  expect(queue.get(ids[0] ?? "")?.stages.settledAt).toBeDefined();
  expect(queue.get(ids[250] ?? "")?.stages.settledAt).toBeUndefined();
  expect(queue.position).toMatchObject({ ledger: "ledger-1", run: "run-1", changeN: 3 });
  expect(seqOf(await acceptOne(queue))).toBeGreaterThan(800);
  expect(claimAll(queue, 3).flatMap((frame) => frame.seqs)).toContain(800);
});

/** Turns over the bit that makes the row of `table` with seq 194 one with 706, which there is already. */
function confuse(path: string, table: string): void {
  const bytes = readFileSync(path);
  // As SQLite writes 194: seven bits a byte, all but the last with the highest bit set. For 706 the first is 0x85.
  const seq194 = Buffer.from([0x81, 0x42]);
  for (let at = bytes.indexOf(seq194); at >= 0; at = bytes.indexOf(seq194, at + 1)) {
    const hurt = Buffer.from(bytes);
    hurt[at] = 0x85;
    writeFileSync(path, hurt);
    const db = openDamaged(path);
    const rows = tryRead(() => db.prepare(`SELECT count(*) FROM ${table} NOT INDEXED WHERE +seq = 706`).pluck().get());
    db.close();
    if (rows === 2) return;
  }
  throw new Error(`${table} has no row 194`);
}

test.each(["body", "alarm"])("a row of %s whose key has become that of another costs neither", async (table) => {
  const dataDir = tempDir("queue");
  const { ids } = await makeQueue(dataDir);
  confuse(join(dataDir, QUEUE_FILE), table);
  const queue = openQueue({ dataDir });
  expect(asideFiles(dataDir)).toHaveLength(1);
  expect([...queue.iterate({})].map(({ id }) => id).filter((id) => ids.includes(id))).toEqual(ids);
  // 194 was settled, 706 was not: what stood of the one must not be taken for the other's.
  expect(queue.get(ids[705] ?? "")?.stages.settledAt).toBeUndefined();
  expect(claimAll(queue, 3).flatMap((frame) => frame.seqs)).toContain(706);
});

test("alarms whose state is hit are rebuilt from their texts and relayed again; the hub is asked for all changes", async () => {
  const dataDir = tempDir("queue");
  const { ids } = await makeQueue(dataDir);
  const path = join(dataDir, QUEUE_FILE);
  const db = openDamaged(path);
  const root = db
    .prepare("SELECT pageno FROM dbstat WHERE name = 'alarm' AND pagetype = 'leaf' LIMIT 1 OFFSET 1")
    .pluck();
  const page = root.get() as number;
  db.close();
  const bytes = readFileSync(path);
  bytes.fill(0, (page - 1) * 4096, page * 4096);
  writeFileSync(path, bytes);

  const queue = openQueue({ dataDir });
  const kept = [...queue.iterate({})].map((alarm) => alarm.id);
  expect(kept.filter((id) => ids.includes(id))).toEqual(ids);
  expect(queue.position).toMatchObject({ ledger: "ledger-1", changeN: 0 });
  queue.start();
  expect((await notice(queue, "queue-damaged")).attributes).toMatchObject({ saved: 800, lost: 0 });
  const [first] = queue.epochs();
  const held: Change = { n: 1, at: "2026-03-01T12:00:00.000Z", kind: "held", ids: [[first?.[0] ?? "", 1, 300]] };
  await queue.applyReply({ ledger: "ledger-1", more: false, changes: [held] }, 0);
  expect(queue.get(ids[0] ?? "")?.stages.heldAt).toBeDefined();
});

test.each<[string, (path: string) => void]>([
  ["an empty file", (path) => truncateSync(path, 0)],
  ["half a file", (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ["a file that ends amid a page", (path) => truncateSync(path, statSync(path).size - 1_000)],
  ["a broken header", (path) => writeFileSync(path, Buffer.alloc(100, 0xff), { flag: "r+" })],
  ["another version number", (path) => patch(path, 60, Buffer.from([0, 0, 0, 9]))],
  ["version 0", (path) => patch(path, 60, Buffer.from([0, 0, 0, 0]))],
  ["another text encoding", (path) => patch(path, 56, Buffer.from([0, 0, 0, 2]))],
  ["garbage in place of all", (path) => writeFileSync(path, Buffer.alloc(200_000, "garbage"))],
  ["a write-ahead log of garbage", (path) => writeFileSync(`${path}-wal`, Buffer.alloc(50_000, "garbage"))],
  ["an index of garbage", (path) => writeFileSync(`${path}-shm`, Buffer.alloc(32_768, "garbage"))],
])("%s does not keep the agent from running", async (_what, hurt) => {
  const dataDir = tempDir("queue");
  const { ids } = await makeQueue(dataDir);
  const path = join(dataDir, QUEUE_FILE);
  hurt(path);
  const isWhole = existsSync(`${path}-wal`) || existsSync(`${path}-shm`);
  const copy = join(tempDir("copy"), QUEUE_FILE);
  cpSync(path, copy);
  const readable = readableIds(copy, ids);
  const queue = openQueue({ dataDir });
  const kept = new Set([...queue.iterate({})].map((alarm) => alarm.id));
  expect(readable.filter((id) => !kept.has(id))).toEqual([]);
  if (!isWhole) {
    expect(asideFiles(dataDir).length).toBe(1);
    queue.start();
    await notice(queue, "queue-damaged");
  }
  const id = await acceptOne(queue);
  await queue.close();
  const again = openQueue({ dataDir });
  expect(again.get(id)?.id).toBe(id);
  expect(asideFiles(dataDir).length).toBe(isWhole ? 0 : 1);
});

/** Overwrites a part of a file in its place. */
function patch(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

test("damage that is met while running is mended at once: what was asked is answered, and reports are taken", async () => {
  const dataDir = tempDir("queue");
  const queue = openQueue({ dataDir });
  const heard: string[] = [];
  queue.onStage((event) => heard.push(event.id));
  const first = await acceptOne(queue, { text: "first" });
  for (let i = 0; i < 90; i++) await queue.accept(reports(100, { text: "x".repeat(1_500) }), { input: "test" });
  const path = join(dataDir, QUEUE_FILE);
  // Far more than SQLite keeps in its cache.
  expect(statSync(path).size).toBeGreaterThan(12_000_000);
  patch(path, 4_000_000, Buffer.alloc(1_000_000, 0x5a));
  const kept = [...queue.iterate({})].map((alarm) => alarm.id);
  const lastId = await acceptOne(queue, { text: "after" });
  expect(asideFiles(dataDir).length).toBe(1);
  expect(kept).toContain(first);
  expect(kept.length).toBeGreaterThan(7_500);
  expect(kept.length).toBeLessThan(9_001);
  expect(seqOf(lastId)).toBeGreaterThan(9_001);
  expect(queue.get(lastId)?.text).toBe("after");
  expect(heard).toContain(lastId);
  queue.start();
  await notice(queue, "queue-damaged");
  await notice(queue, "queue-loss");
  expect(queue.fault).toBeUndefined();
});

/** mulberry32: the same trials for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TRIALS = Number(process.env["DAMAGE_TRIALS"] ?? 60);
const SEED = Number(process.env["DAMAGE_SEED"] ?? 1);

test(`${TRIALS} random bit flips and truncations: never a crash, and every row that SQLite can read is saved`, async () => {
  const source = tempDir("queue");
  const { ids } = await makeQueue(source);
  const whole = readFileSync(join(source, QUEUE_FILE));
  const random = randomFrom(SEED);
  const counts = { setAside: 0, rows: 0, saved: 0 };
  for (let trial = 0; trial < TRIALS; trial++) {
    const bytes = Buffer.from(whole);
    const bit = Math.floor(random() * bytes.length * 8);
    const isCut = random() < 0.2;
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    const hurt = isCut ? whole.subarray(0, bit >> 3) : bytes;
    const what = `trial ${trial} of seed ${SEED}: ${isCut ? "cut at byte" : "flipped bit"} ${isCut ? bit >> 3 : bit}`;
    const dataDir = join(source, `trial-${trial}`);
    mkdirSync(dataDir);
    const copy = join(dataDir, "copy.db");
    writeFileSync(join(dataDir, QUEUE_FILE), hurt);
    writeFileSync(copy, hurt);
    const readable = readableIds(copy, ids);

    const queue = openQueue({ dataDir });
    const kept = new Set([...queue.iterate({})].map((alarm) => alarm.id));
    expect(
      readable.filter((id) => !kept.has(id)),
      what,
    ).toEqual([]);
    const id = await acceptOne(queue);
    expect(ids, what).not.toContain(id);
    await queue.close();
    const asides = asideFiles(dataDir).length;
    const again = openQueue({ dataDir });
    expect(again.get(id)?.id, what).toBe(id);
    expect(asideFiles(dataDir).length, what).toBe(asides);
    await again.close();
    rmSync(dataDir, { recursive: true });
    counts.setAside += asides;
    counts.rows += ids.length;
    counts.saved += ids.filter((one) => kept.has(one)).length;
  }
  console.log(JSON.stringify({ trials: TRIALS, seed: SEED, ...counts }));
}, 600_000);
