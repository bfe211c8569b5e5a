import { badInput } from '../base/app-error.js';
import { lineInput } from '../graphql/input-checks.js';

const MAX_LENGTH = 255;

/**
 * Characters that Unicode lets programs ignore: with one, an address would look like another
 * user's.
 */
const HIDDEN = /\p{Default_Ignorable_Code_Point}/u;

/** Only mail can tell whether an address is one; this much all of them have. */
export function emailInput(field: string, email: string): string {
  const text = lineInput(field, email, MAX_LENGTH);
  if (HIDDEN.test(email))
    throw badInput(
      field,
      `${field} contains an invisible character, such as a zero width space. Remove it.`,
    );
  if (!/^[^\s@]+@[^\s@]+$/.test(text))
    throw badInput(field, `${field} must be an e-mail address, such as ada@example.com.`);
  return text;
}
