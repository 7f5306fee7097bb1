import { closeSync, openSync, readSync, statSync, truncateSync, writeSync } from "node:fs";
import type { Random } from "./random.ts";

const SECTOR_BYTES = 512;

/** Ways in which a disk spoils a file. */
export type Damage = "bits" | "sectors" | "cut";

/** Spoils a file; what it returns says where. Undefined if there is nothing in it. */
export function spoil(random: Random, path: string, damage: Damage): string | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return undefined;
  if (damage === "cut") {
    const left = random.between(0, size - 1);
    truncateSync(path, left);
    return `cut to ${left} of ${size} bytes`;
  }
  const file = openSync(path, "r+");
  try {
    if (damage === "bits") {
      const bits = draw(random.between(1, 16), () => random.between(0, size * 8 - 1));
      for (const bit of bits) flip(file, bit);
      return `flipped the bits ${bits.join(", ")} of ${size} bytes`;
    }
    const sectors = draw(random.between(1, 4), () => random.between(0, Math.floor((size - 1) / SECTOR_BYTES)));
    for (const sector of sectors) {
      const bytes = draw(Math.min(SECTOR_BYTES, size - sector * SECTOR_BYTES), () => random.between(0, 255));
      writeSync(file, Buffer.from(bytes), 0, bytes.length, sector * SECTOR_BYTES);
    }
    return `garbage in the sectors ${sectors.join(", ")} of ${size} bytes`;
  } finally {
    closeSync(file);
  }
}

function draw(count: number, one: () => number): number[] {
  return Array.from({ length: count }, one);
}

function flip(file: number, bit: number): void {
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, bit >> 3);
  byte[0] = (byte[0] as number) ^ (1 << (bit & 7));
  writeSync(file, byte, 0, 1, bit >> 3);
}
