/** A number with its noun, for a sentence: `1 alarm`, `3 alarms`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
