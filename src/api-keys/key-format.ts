import { hash, randomBytes } from 'node:crypto';

/**
 * A key reads `wvr_<prefix>_<secret><checksum>`: 8 characters that find its row, 43 that hold 256
 * random bits, and 6 of a checksum by which scanners and typing mistakes are told apart from keys
 * without asking the database.
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

/**
 * The prefix of a well-formed key; undefined when the text is not a key of ours or was mistyped.
 */
export function prefixOf(key: string): string | undefined {
  const match = KEY.exec(key);
  return match && checksum(key.slice(0, -6)) === match[3] ? `wvr_${match[1]}` : undefined;
}

/**
 * A key of an older Weaver: 64 characters without a mark or a checksum. Its first 12 become the
 * prefix, by which it is told from new ones.
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
