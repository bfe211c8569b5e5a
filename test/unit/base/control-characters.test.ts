import { describe, expect, test } from 'vitest';
import {
  controlCharacterIn,
  escapeLine,
  escapeLines,
} from '../../../src/base/control-characters.js';

const CONTROLS = [
  '\0',
  '\b',
  '\t',
  '\n',
  '\r',
  '\x1b',
  '\x7f',
  '\x80',
  '\x9b',
  '\x9f',
  '\u2028',
  '\u2029',
  '\u202a',
  '\u202e',
  '\u2066',
  '\u2069',
];

describe('control characters', () => {
  test.each(CONTROLS)('%j is found, and escaped so that JSON reads it back', character => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    expect(controlCharacterIn(`name ${character}`)).toBe(`U+${code}`);
    const escaped = escapeLine(`a${character}b`);
    expect(escaped).toMatch(/^a\\\w+b$/);
    expect(JSON.parse(`"${escaped}"`)).toBe(`a${character}b`);
  });

  test.each(['Ärger & Söhne', '日本語', 'مثال', '👩‍👩‍👧', 'a\u200fb', 'a\u00a0b', 'back\\slash'])(
    '%s has none and stays as it is',
    text => {
      expect(controlCharacterIn(text)).toBeUndefined();
      expect(escapeLine(text)).toBe(text);
    },
  );

  test('that break lines and columns stay in a text of several lines', () => {
    expect(escapeLines('a\n\tb\r\x1b[2J')).toBe('a\n\tb\\r\\u001b[2J');
  });
});
