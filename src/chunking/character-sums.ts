/**
 * What a character counts that stands for a syllable or a word, as those of Chinese, Japanese and
 * Korean do: models read one as about a token, and three to four letters as one.
 */
const WIDE_CHARACTER = 3;

/**
 * How much the characters of a text before each of its UTF-16 code units count together, and last
 * of all how much the text counts: a code point 1, one of CJK 3.
 */
export function characterSums(text: string): Uint32Array {
  const sums = new Uint32Array(text.length + 1);
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const isSecondHalf = (code & 0xfc00) === 0xdc00 && isFirstHalf(text.charCodeAt(index - 1));
    if (!isSecondHalf) sum += isWide(text, code, index) ? WIDE_CHARACTER : 1;
    sums[index + 1] = sum;
  }
  return sums;
}

/** Whether a cut at `position` would part the two halves of one character. */
export function isInsidePair(text: string, position: number): boolean {
  return (
    isFirstHalf(text.charCodeAt(position - 1)) && (text.charCodeAt(position) & 0xfc00) === 0xdc00
  );
}

const isFirstHalf = (code: number): boolean => (code & 0xfc00) === 0xd800;

function isWide(text: string, code: number, index: number): boolean {
  if (code < 0x1100) return false;
  if (isFirstHalf(code)) {
    const codePoint = text.codePointAt(index)!;
    return codePoint >= 0x20000 && codePoint < 0x40000;
  }
  return (
    code < 0x1200 ||
    (code >= 0x2e80 && code < 0xa4d0) ||
    (code >= 0xac00 && code < 0xd7b0) ||
    (code >= 0xf900 && code < 0xfb00) ||
    (code >= 0xff00 && code < 0xfff0)
  );
}
