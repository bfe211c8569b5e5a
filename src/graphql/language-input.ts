import { badInput } from '../base/app-error.js';
import { refuseControlCharacters } from './input-checks.js';

const NAMES = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });

/** A code of ISO 639-1. */
export function languageInput(field: string, language: string): string {
  refuseControlCharacters(field, language);
  if (/^[a-z]{2}$/.test(language) && NAMES.of(language) !== undefined) return language;
  throw badInput(
    field,
    `${field} must be the code of a language in two small letters (ISO 639-1), such as en or de.`,
  );
}
