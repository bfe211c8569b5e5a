/** A prefix shorter than this is more likely a slip, such as a number of steps, than a name. */
const SHORTEST_PREFIX = 4;

/**
 * The names that `input` can mean: the full name, with or without its file's ending, or the
 * beginning of it, of its timestamp or of its words. A full name means itself alone, even where
 * others begin with it.
 */
export function matchingNames(names: readonly string[], input: string): string[] {
  const stem = input.replace(/\.[jt]s$/, '');
  const exact = names.filter(name => name === stem);
  if (exact.length > 0) return exact;
  if (stem.length < SHORTEST_PREFIX) return [];
  return names.filter(name => spellings(name).some(spelling => spelling.startsWith(stem)));
}

/** `Migration20261123000000_initial` is also `20261123000000_initial` and `initial`. */
function spellings(name: string): string[] {
  const timestamped = name.replace(/^Migration/, '');
  return [name, timestamped, timestamped.replace(/^\d+_/, '')];
}

/** `input` as the one name that it means, or a sentence about why it means none. */
export function oneName(
  names: readonly string[],
  input: string,
  notFoundText: string,
): { name: string } | { problem: string } {
  const matches = matchingNames(names, input);
  if (matches.length === 1) return { name: matches[0]! };
  if (matches.length > 1)
    return { problem: `${input} is ambiguous: it can mean ${matches.join(', ')}.` };
  const available =
    names.length === 0
      ? 'There is none at all.'
      : `There ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}.`;
  return { problem: `${notFoundText} ${input}. ${available}` };
}
