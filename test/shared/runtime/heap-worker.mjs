// Works for a while, rests, and prints how large its heap was before, meanwhile and afterwards.
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapSpaceStatistics } from "node:v8";
import { keepHeapSmall, sizeHeapByWork } from "../../../dist/shared/runtime/heap.js";

function sizes() {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return { young: young.space_size, total: process.memoryUsage().heapTotal };
}

const kept = { rows: [] };

async function workWhile(goesOn) {
  while (goesOn()) {
    kept.rows = Array.from({ length: 100_000 }, (_, i) => ({ text: `alarm ${i}` }));
    await sleep(0);
  }
}

keepHeapSmall();
await sleep(50);
const started = sizes();
sizeHeapByWork();
// How soon it is seen to be busy depends on what else the machine does; that it is seen does not.
await workWhile(() => sizes().young < 4 * 2 ** 20);
const busy = sizes();
const endMs = performance.now() + 2_000;
await workWhile(() => performance.now() < endMs);
const longBusy = sizes();
kept.rows = [];
while (sizes().total > longBusy.total - 10 * 2 ** 20) await sleep(100);
console.log(JSON.stringify({ started, busy, longBusy, quiet: sizes() }));
