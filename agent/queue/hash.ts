/** FNV-1a over the UTF-16 code units, as a signed 32-bit number; 0 for no text. Narrows a search, decides nothing. */
export function hashOf(text: string | undefined): number {
  if (text === undefined) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
