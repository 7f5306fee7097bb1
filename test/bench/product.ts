// This file runs as dist/bench/test/bench/product.js.
const DIST = new URL("../../../", import.meta.url);

/**
 * A module of the product as it is shipped, `agent/agent.js` for instance: what is compiled along with the bench has no
 * package.json beside it, from which the product reads its version.
 */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(path, DIST).href)) as Module;
}
