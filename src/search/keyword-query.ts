/** Words or a phrase as a caller wrote them. */
interface KeywordTerm {
  readonly text: string;
  readonly isPhrase: boolean;
}

/** What a text asks for: every clause by one of its terms, and nothing of what is excluded. */
export interface KeywordQuery {
  readonly clauses: readonly (readonly KeywordTerm[])[];
  readonly excluded: readonly KeywordTerm[];
}

interface Token extends KeywordTerm {
  readonly isExcluded: boolean;
  readonly isOr: boolean;
}

const QUOTES = '"\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02';
/** A quote opens where no word goes on, so that the sign for inches and that in `5"x7"` do not. */
const PHRASE = new RegExp(`^[${QUOTES}]([^${QUOTES}]*[\\p{L}\\p{N}][^${QUOTES}]*)[${QUOTES}]`, 'u');
const IS_WORD = /^[\p{L}\p{N}]/u;
const IS_SPACE = /^\s/u;

/**
 * Reads the operators of a text: `"…"` is a phrase, `or` between two words or phrases means either,
 * and `-` before a word or a phrase excludes it if a space stands before and it is not the first of
 * its line. All else is words.
 */
export function parseKeywordQuery(text: string): KeywordQuery {
  const tokens = tokensOf(text);
  const clauses: KeywordTerm[][] = [];
  const excluded: KeywordTerm[] = [];
  let words: string[] = [];
  const endWords = (): void => {
    if (words.length > 0) clauses.push([{ text: words.join(''), isPhrase: false }]);
    words = [];
  };
  const joins = (index: number): boolean =>
    tokens[index]?.isOr === true && isTerm(tokens[index - 1]) && isTerm(tokens[index + 1]);
  for (const [index, token] of tokens.entries()) {
    const { text: tokenText, isPhrase, isExcluded } = token;
    if (isExcluded) excluded.push({ text: tokenText.trim(), isPhrase });
    else if (joins(index)) continue;
    else if (joins(index - 1)) clauses.at(-1)!.push({ text: tokenText, isPhrase });
    else if (isPhrase || joins(index + 1)) {
      endWords();
      clauses.push([{ text: tokenText, isPhrase }]);
    } else words.push(tokenText);
    if (joins(index - 1)) endWords();
  }
  endWords();
  return { clauses, excluded };
}

/** A text without operators. */
export function plainQuery(text: string): KeywordQuery {
  return { clauses: [[{ text, isPhrase: false }]], excluded: [] };
}

/** The same with what was to be excluded among its words. */
export function withoutExclusions({ clauses, excluded }: KeywordQuery): KeywordQuery {
  return { clauses: [...clauses, ...excluded.map(term => [term])], excluded: [] };
}

function isTerm(token: Token | undefined): boolean {
  return token !== undefined && !token.isExcluded && !token.isOr;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let isFirstOfLine = true;
  let before = '';
  for (let rest = text; rest !== '';) {
    const space = /^\s+/u.exec(rest)?.[0];
    if (space !== undefined) {
      if (/[\n\r\u2028\u2029]/u.test(space)) isFirstOfLine = true;
      before = ' ';
      rest = rest.slice(space.length);
      continue;
    }
    const mayExclude = rest.startsWith('-') && before === ' ' && !isFirstOfLine;
    const isExcluded = mayExclude && (IS_WORD.test(rest.slice(1)) || PHRASE.test(rest.slice(1)));
    const start = isExcluded ? 1 : 0;
    const opens = isExcluded || !/[\p{L}\p{N}]$/u.test(before);
    const phrase = opens ? PHRASE.exec(rest.slice(start)) : null;
    const found = phrase?.[0] ?? wordOf(rest.slice(start));
    tokens.push({
      text: phrase?.[1] ?? `${found} `,
      isPhrase: phrase !== null,
      isExcluded,
      isOr: !isExcluded && phrase === null && /^or$/iu.test(found),
    });
    isFirstOfLine = false;
    before = Array.from(found).at(-1)!;
    rest = rest.slice(start + found.length);
  }
  return tokens;
}

/** Up to a space, or to a quote that opens a phrase. */
function wordOf(text: string): string {
  let end = 0;
  let last = '';
  for (const sign of text) {
    if (IS_SPACE.test(sign)) break;
    const mayOpen = end > 0 && QUOTES.includes(sign) && !/[\p{L}\p{N}]/u.test(last);
    if (mayOpen && PHRASE.test(text.slice(end))) break;
    end += sign.length;
    last = sign;
  }
  return text.slice(0, end);
}
