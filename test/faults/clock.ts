/** Milliseconds since 1970 by a clock that no fault turns, the same in all processes of this machine. */
export function steadyNowMs(): number {
  return performance.timeOrigin + performance.now();
}
