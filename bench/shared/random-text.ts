const SYLLABLES = 'ba ce di fo gu la me ni po ru sa te vi xo zu bran cler dost flim grop'.split(
  ' ',
);
const VOCABULARY = 2_000;

/** Text of made-up words, common ones and rare ones, just over `length` characters long. */
export function sentences(next: () => number, length: number): string {
  let text = '';
  let wordsLeft = 0;
  while (text.length < length) {
    // Squared: the first words of the vocabulary come often, the last ones hardly ever.
    let number = Math.floor(VOCABULARY * next() ** 2);
    let word = '';
    do {
      word += SYLLABLES[number % SYLLABLES.length];
      number = Math.floor(number / SYLLABLES.length);
    } while (number > 0);
    if (wordsLeft === 0) {
      wordsLeft = 6 + Math.floor(next() * 10);
      word = word[0]!.toUpperCase() + word.slice(1);
    }
    wordsLeft -= 1;
    text += word + (wordsLeft === 0 ? '. ' : ' ');
  }
  return text.trimEnd();
}
