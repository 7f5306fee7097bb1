import { copyPatched, type Patch } from "../faults/patch.ts";

/** Bounds the frames of a copy of the product; what is shipped has no option for it. */
export function frameSizePatches(alarmsMax: number): Patch[] {
  return [
    {
      file: "shared/wire/frame.js",
      search: "FRAME_ALARMS_MAX = 512;",
      replace: `FRAME_ALARMS_MAX = ${alarmsMax};`,
    },
    {
      file: "hub/delivery/frame.js",
      search: "DELIVERY_ALARMS_MAX = 512;",
      replace: `DELIVERY_ALARMS_MAX = ${alarmsMax};`,
    },
  ];
}

/** Copies the built product to `dir`, with frames of at most so many alarms. Returns the copy's dist folder. */
export function withFrameSize(dir: string, alarmsMax: number): string {
  return copyPatched(dir, frameSizePatches(alarmsMax));
}
