import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * The token of an upload is `wvu_<tenant><secret><checksum>`: whose it is, 22 characters, so that
 * its row is looked for under that tenant's role; 43 with 256 random bits; and 6 with which
 * mistyped and guessed tokens are refused without a query.
 */
const TOKEN = /^wvu_([\w-]{22})([\w-]{43})([0-9a-f]{6})$/;

export interface NewUploadToken {
  /** To be shown once and then forgotten. */
  readonly token: string;
  /** What is stored. A plain digest is enough for 256 random bits. */
  readonly digest: string;
}

export function newUploadToken(tenantId: string): NewUploadToken {
  const tenant = Buffer.from(tenantId.replaceAll('-', ''), 'hex').toString('base64url');
  const body = `wvu_${tenant}${randomBytes(32).toString('base64url')}`;
  const token = body + checksum(body);
  return { token, digest: digestOf(token) };
}

/** Whose token it says it is; undefined if it is none. */
export function tenantOfToken(token: string): string | undefined {
  const match = TOKEN.exec(token);
  if (!match || !isEqual(checksum(token.slice(0, -6)), match[3]!)) return undefined;
  const hex = Buffer.from(match[1]!, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function digestOf(token: string): string {
  return hash('sha256', token, 'hex');
}

function checksum(text: string): string {
  return digestOf(text).slice(0, 6);
}

function isEqual(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
