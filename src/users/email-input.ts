import { domainToASCII, domainToUnicode } from 'node:url';
import { badInput } from '../base/app-error.js';
import { lineInput } from '../graphql/input-checks.js';

const MAX_LENGTH = 255;

/**
 * Characters that Unicode lets programs ignore: with one, an address would look like another
 * user's.
 */
const HIDDEN = /\p{Default_Ignorable_Code_Point}/u;

/** What a domain of the DNS is written with, in any script; `domainToASCII` takes more. */
const DOMAIN = /^[\p{L}\p{M}\p{N}_.。．｡-]+$/u;

/**
 * The address with its domain as people write it: `xn--mnchen-3ya.de` and `MÜNCHEN.de` are
 * `münchen.de`. What is no domain of the DNS, such as an address in brackets, stays as it is.
 */
export function withUnicodeDomain(email: string): string {
  const at = email.lastIndexOf('@') + 1;
  const domain = email.slice(at);
  const isInternational = /xn--|[^\p{ASCII}]/iu.test(domain) && DOMAIN.test(domain);
  return isInternational
    ? email.slice(0, at) + (domainToUnicode(domainToASCII(domain)) || domain)
    : email;
}

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
  const address = withUnicodeDomain(text);
  // Letters of some scripts stand for several of another.
  return lineInput(field, address, MAX_LENGTH);
}
