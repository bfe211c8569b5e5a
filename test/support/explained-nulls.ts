import type { ExecutionResult } from 'graphql';

type Path = readonly (string | number)[];

/**
 * The places of nulls in an answer for which it has an error. Where several errors make one and the
 * same null, any of them will do.
 */
export function explainedNulls({ data, errors }: ExecutionResult): Set<string> {
  return new Set(
    errors?.map(({ path }) => (path ? String(outermostNull(data, path)) : 'the whole operation')),
  );
}

/** The beginning of a path that leads to null already. */
function outermostNull(data: unknown, path: Path): Path {
  const depth = path.findIndex((_, index) => valueAt(data, path.slice(0, index)) === null);
  return depth < 0 ? path : path.slice(0, depth);
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | null)?.[key],
    data,
  );
}
