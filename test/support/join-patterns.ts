/** One pattern of several that follow each other: a long text is expected in lines of its own. */
export function joinPatterns(first: RegExp, ...rest: RegExp[]): RegExp {
  return new RegExp([first, ...rest].map(({ source }) => source).join(''), first.flags);
}
