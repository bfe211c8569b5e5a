import { hash, randomBytes } from 'node:crypto';

/**
 * A key is `wvr_<prefix>_<secret><checksum>`: a prefix of 8 characters to find its row, a secret of
 * 43 with 256 random bits, and a checksum of 6, with which mistyped and guessed keys are refused
 * without a query.
 */
const KEY = /^wvr_([0-9A-Za-z]{8})_([0-9A-Za-z_-]{43})([0-9a-f]{6})$/;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export interface NewKey {
  /** The whole key, to be shown once and then forgotten. */
  readonly secret: string;
  /** The public beginning by which its row is found, `wvr_` included. */
  readonly prefix: string;
  /**
   * What is stored: SHA-256 of the whole key, in hexadecimal. A plain digest is enough for 256
   * random bits.
   */
  readonly hash: string;
}

/** A new key. `random` gives so many random bytes: the system's own, but in tests. */
export function newKey(random: (size: number) => Buffer = randomBytes): NewKey {
  const prefix = Array.from(random(8), byte => ALPHABET[byte % ALPHABET.length]).join('');
  const body = `wvr_${prefix}_${random(32).toString('base64url')}`;
  const secret = body + checksum(body);
  return { secret, prefix: `wvr_${prefix}`, hash: hashOf(secret) };
}

/** The prefix of a well-formed key; undefined if the text is not a key or its checksum is wrong. */
export function prefixOf(key: string): string | undefined {
  const match = KEY.exec(key);
  return match && checksum(key.slice(0, -6)) === match[3] ? `wvr_${match[1]}` : undefined;
}

/**
 * A key of an older Weaver: 64 characters without separators or a checksum. Its first 12 become the
 * prefix, by whose length it differs from new ones.
 */
const LEGACY_KEY = /^wvr_[0-9A-Za-z_-]{64}$/;

export function legacyPrefixOf(key: string): string | undefined {
  return LEGACY_KEY.test(key) ? key.slice(0, 16) : undefined;
}

export function hashOf(key: string): string {
  return hash('sha256', key, 'hex');
}

function checksum(text: string): string {
  return hashOf(text).slice(0, 6);
}
