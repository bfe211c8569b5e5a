/** A prefix shorter than this is more likely a slip, such as a number of steps, than a name. */
const SHORTEST_PREFIX = 4;

/**
 * The names that `given` can mean: the full name, with or without its file's ending, or the
 * beginning of it, of its timestamp or of its words. A full name means itself alone, even where
 * others begin with it.
 */
export function namesMeant(names: readonly string[], given: string): string[] {
  const bare = given.replace(/\.[jt]s$/, '');
  const exact = names.filter(name => name === bare);
  if (exact.length > 0) return exact;
  if (bare.length < SHORTEST_PREFIX) return [];
  return names.filter(name => spellings(name).some(spelling => spelling.startsWith(bare)));
}

/** `Migration20261123000000_initial` is also `20261123000000_initial` and `initial`. */
function spellings(name: string): string[] {
  const timestamped = name.replace(/^Migration/, '');
  return [name, timestamped, timestamped.replace(/^\d+_/, '')];
}

/** `given` as the one name that it means, or a sentence about why it means none. */
export function oneName(
  names: readonly string[],
  given: string,
  otherwise: string,
): { name: string } | { problem: string } {
  const meant = namesMeant(names, given);
  if (meant.length === 1) return { name: meant[0]! };
  if (meant.length > 1)
    return { problem: `${given} is ambiguous: it can mean ${meant.join(', ')}.` };
  const there =
    names.length === 0
      ? 'There is none at all.'
      : `There ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}.`;
  return { problem: `${otherwise} ${given}. ${there}` };
}
