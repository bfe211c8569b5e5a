/** What decorators of one kind say of the fields of a class, in their order; kept on the class. */
export function declarationsOf<T>(entity: Function, kind: symbol): T[] {
  const holder = entity as unknown as Record<symbol, T[]>;
  return (holder[kind] ??= []);
}
