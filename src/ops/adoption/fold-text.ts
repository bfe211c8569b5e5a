/**
 * One form of all spellings of a text that differ in case or normal form only, as `weaver_fold`
 * gives it. An older database does not have that function, and adoption looks at its rows before it
 * makes any.
 */
export function foldText(text: string): string {
  // Twice, since the capital sharp s becomes two letters by way of the small one.
  return foldOnce(foldOnce(text.normalize('NFKD')))
    .replaceAll('i\u0307', 'i')
    .replaceAll('\ufeff', '')
    .normalize('NFC');
}

// Letter by letter: the small sigma is another one at the end of a word.
function foldOnce(text: string): string {
  const fold = (letter: string): string =>
    Array.from(letter.toUpperCase(), capital => capital.toLowerCase()).join('');
  return Array.from(text, fold).join('').normalize('NFKD');
}
