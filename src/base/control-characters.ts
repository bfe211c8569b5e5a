/**
 * What does not show, and what terminals and editors obey: the controls of C0, DEL and C1, the
 * separators of lines and paragraphs, and the marks that turn the direction of a text around
 * (https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings).
 */
const CONTROL_CHARACTER = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ALL_CONTROL_CHARACTERS = new RegExp(CONTROL_CHARACTER, 'gu');
const CONTROL_CHARACTERS_EXCEPT_LINES_AND_TABS = new RegExp(
  `(?![\\n\\t])${CONTROL_CHARACTER.source}`,
  'gu',
);

/** The first one in a text, as Unicode names it, such as `U+001B`. */
export function controlCharacterIn(text: string): string | undefined {
  const found = CONTROL_CHARACTER.exec(text)?.[0];
  return found && `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * A character that shows, unlike space, what Unicode lets programs ignore (joiners, fillers), and
 * the empty pattern of Braille.
 */
const VISIBLE_CHARACTER = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether a reader would see anything of a text. */
export function hasVisibleCharacter(text: string): boolean {
  return VISIBLE_CHARACTER.test(text);
}

/**
 * A text as one line in which every control character is written as in JSON, so that it shows and
 * does nothing.
 */
export function escapeLine(text: string): string {
  return text.replace(ALL_CONTROL_CHARACTERS, escapeCharacter);
}

/** The same for a text of several lines, whose line breaks and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(CONTROL_CHARACTERS_EXCEPT_LINES_AND_TABS, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * A text without byte order marks in front of it, which are no part of it: some programs leave one
 * there, and the driver of the embedded database reads it away.
 */
export function withoutMark(text: string): string {
  return text.replace(/^\ufeff+/, '');
}
