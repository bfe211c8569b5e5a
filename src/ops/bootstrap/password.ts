import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const ITERATIONS = 4_096;
const KEY_LENGTH = 32;

/** A password of 144 random bits, in characters that need no escaping in a URL. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

/**
 * What PostgreSQL stores for a password (SCRAM-SHA-256, RFC 5803). Made here, so that the password
 * itself never travels in a statement, which the server may log.
 */
export function storedPassword(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, KEY_LENGTH, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest();
  const inBase64 = (bytes: Buffer): string => bytes.toString('base64');
  const keys = `${inBase64(stored)}:${inBase64(keyed('Server Key'))}`;
  return `SCRAM-SHA-256$${ITERATIONS}:${inBase64(salt)}$${keys}`;
}
