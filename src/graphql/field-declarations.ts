/**
 * The declarations of one kind of decorator for the fields of a class, in their order. They are
 * stored on the class.
 */
export function declarationsOf<T>(entity: Function, kind: symbol): T[] {
  const holder = entity as unknown as Record<symbol, T[]>;
  return (holder[kind] ??= []);
}
