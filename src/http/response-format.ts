/**
 * The media types that an answer can have:
 * https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types
 */
const MEDIA_TYPES = ['application/json', 'application/graphql-response+json'] as const;
type MediaType = (typeof MEDIA_TYPES)[number];

/** How a request is to be answered. */
export interface ResponseFormat {
  readonly mediaType: MediaType;
  /**
   * Of an operation that could be read as a request but not be run: clients that name
   * `application/json` go by the body, all others by the status.
   */
  readonly requestErrorStatus: 200 | 400;
}

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

/**
 * How well a range fits: what names a type exactly decides over what names its kind, and that over
 * what names all.
 */
const EXACT = 2;

/**
 * What an Accept header asks for, or undefined where neither type will do
 * (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1). Of parameters only the weight counts: a
 * type with others is better than no answer, and so is one whose weight cannot be read.
 */
export function negotiateFormat(accept: string | undefined): ResponseFormat | undefined {
  const ranges = rangesOf(accept ?? '');
  if (ranges.length === 0) return { mediaType: 'application/json', requestErrorStatus: 400 };
  const [best] = MEDIA_TYPES.map(mediaType => ({ mediaType, ...matchOf(mediaType, ranges) }))
    .filter(({ weight }) => weight > 0)
    .sort(
      (a, b) => b.weight - a.weight || b.precision - a.precision || preference(b) - preference(a),
    );
  if (!best) return undefined;
  const { mediaType, precision } = best;
  return {
    mediaType,
    requestErrorStatus: mediaType === 'application/json' && precision === EXACT ? 200 : 400,
  };
}

/**
 * Who names both as well knows GraphQL's own; who names neither had better get what everything
 * reads.
 */
function preference({ mediaType, precision }: { mediaType: MediaType; precision: number }): number {
  return (mediaType === 'application/graphql-response+json') === (precision === EXACT) ? 1 : 0;
}

function matchOf(
  mediaType: MediaType,
  ranges: readonly MediaRange[],
): { precision: number; weight: number } {
  const matches = ranges.map(({ type, weight }) => ({
    precision: ['*/*', 'application/*', mediaType].indexOf(type),
    weight,
  }));
  const precision = Math.max(...matches.map(match => match.precision));
  return {
    precision,
    weight:
      precision < 0
        ? 0
        : Math.max(
            ...matches.filter(match => match.precision === precision).map(match => match.weight),
          ),
  };
}

function rangesOf(accept: string): MediaRange[] {
  return partsOf(accept, ',').map(range => {
    const [type, ...parameters] = partsOf(range, ';').map(part => part.toLowerCase());
    // Java's own client sends a single star.
    return { type: type === '*' ? '*/*' : (type ?? ''), weight: weightOf(parameters) };
  });
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.flatMap(
    parameter => /^q\s*=\s*"?(.*?)"?$/.exec(parameter)?.[1] ?? [],
  )[0];
  return weight !== undefined && /^(?:[01]|[01]?\.\d+|[01]\.)$/.test(weight)
    ? Math.min(1, Number(weight))
    : 1;
}

/** What stands between separators that are in no quotes, without what is empty. */
function partsOf(text: string, separator: ',' | ';'): string[] {
  const part =
    separator === ',' ? /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g : /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/g;
  return (text.match(part) ?? []).map(found => found.trim()).filter(found => found !== '');
}
