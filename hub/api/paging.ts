const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

/** The parameters of every list. */
export const pageProperties = {
  limit: { type: "integer", minimum: 1, maximum: LIMIT_MAX, description: `${LIMIT_DEFAULT} unless given` },
  cursor: { type: "string", minLength: 1, maxLength: 512, description: "nextCursor of the page before" },
} as const;

export interface PageQuery {
  limit?: number | undefined;
  cursor?: string | undefined;
}

export function withLimit({ limit, cursor }: PageQuery): { limit: number; cursor: string | undefined } {
  return { limit: limit ?? LIMIT_DEFAULT, cursor };
}
