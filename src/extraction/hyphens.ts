/** What parts a word at the end of a line: a hyphen, the Unicode one, a soft one. */
const PARTED = /(\p{L}[\p{L}\p{M}]*)([-\u2010\u00ad])$/u;
const WORD_START = /^(\p{L}[\p{L}\p{M}]*)(\S*)\s*/u;
const WORDS = /\p{L}[\p{L}\p{M}]*(?:[-\u2010]\p{L}[\p{L}\p{M}]*)*/gu;
/** Shorter parts of words are words by chance. */
const LEAST_WORD = 3;

/**
 * Lines of paragraphs, in which a word that is parted at the end of a line stands whole in that
 * line. Whether its hyphen is part of it is told by the other lines: "man-made" keeps it where that
 * is written elsewhere, or where "man" and "made" both are but "manmade" is not.
 */
export function joinWords(paragraphs: readonly (readonly string[])[]): string[][] {
  const words = wordsOf(paragraphs);
  return paragraphs.map(lines => {
    const joined: string[] = [];
    for (const line of lines) {
      const above = joined.at(-1);
      const [parted, start, hyphen] = (above && PARTED.exec(above)) ?? [];
      const [next, rest, behind] = WORD_START.exec(line) ?? [];
      if (above === undefined || parted === undefined || next === undefined) {
        joined.push(line);
        continue;
      }
      const sign = hyphen === '\u00ad' || !keepsHyphen(start!, rest!, words) ? '' : hyphen!;
      joined[joined.length - 1] = above.slice(0, -1) + sign + rest! + behind!;
      if (line.length > next.length) joined.push(line.slice(next.length));
    }
    return joined;
  });
}

function keepsHyphen(start: string, rest: string, words: ReadonlySet<string>): boolean {
  const [first, second] = [start.toLowerCase(), rest.toLowerCase()];
  if (words.has(first + second)) return false;
  if (words.has(`${first}-${second}`) || rest[0] !== second[0]) return true;
  const areWords = [first, second].every(word => word.length >= LEAST_WORD && words.has(word));
  return areWords;
}

/** The words that are whole: not the parts at the ends and beginnings of lines. */
function wordsOf(paragraphs: readonly (readonly string[])[]): Set<string> {
  const words = new Set<string>();
  for (const lines of paragraphs)
    for (const [index, line] of lines.entries()) {
      const isRest = PARTED.test(lines[index - 1] ?? '');
      const whole = (isRest ? line.replace(WORD_START, '') : line).replace(PARTED, '');
      for (const [word] of whole.matchAll(WORDS)) {
        const lower = word.toLowerCase().replaceAll('\u2010', '-');
        words.add(lower);
        if (lower.includes('-')) for (const part of lower.split('-')) words.add(part);
      }
    }
  return words;
}
