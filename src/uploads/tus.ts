import type { IncomingHttpHeaders } from 'node:http';
import { badInput } from '../base/app-error.js';
import { httpError } from '../http/error-responses.js';
import type { Checksum } from './receive-file.js';

// https://tus.io/protocols/resumable-upload, with the extensions expiration, checksum and
// termination. Uploads are created by `createUpload`.

export const TUS_VERSION = '1.0.0';
export const PART_TYPE = 'application/offset+octet-stream';

/** The status of a part with another checksum, which HTTP has no name for. */
export const CHECKSUM_MISMATCH_STATUS = 460;

const ALGORITHMS: Readonly<Record<string, number>> = { md5: 16, sha1: 20, sha256: 32 };

export const REQUEST_HEADERS = ['tus-resumable', 'upload-offset', 'upload-checksum'];
export const ANSWER_HEADERS = [
  'tus-resumable',
  'tus-version',
  'tus-extension',
  'tus-max-size',
  'tus-checksum-algorithm',
  'upload-offset',
  'upload-length',
  'upload-expires',
];

/** What a client can be told before it knows of any upload. */
export function capabilities(maxBytes: number): Record<string, string> {
  return {
    'tus-resumable': TUS_VERSION,
    'tus-version': TUS_VERSION,
    'tus-extension': 'expiration,checksum,termination',
    'tus-max-size': String(maxBytes),
    'tus-checksum-algorithm': Object.keys(ALGORITHMS).join(),
  };
}

/** Refuses another version of the protocol. Programs that are no clients of tus say none. */
export function checkVersion(headers: IncomingHttpHeaders): void {
  const version = headers['tus-resumable'];
  if (version !== undefined && version !== TUS_VERSION)
    throw httpError(412, `The gateway supports tus ${TUS_VERSION}, not ${String(version)}.`);
}

export function offsetOf(headers: IncomingHttpHeaders): number {
  const offset = headers['upload-offset'];
  if (typeof offset !== 'string' || !/^\d{1,15}$/.test(offset))
    throw badInput('Upload-Offset', 'The header Upload-Offset must be a whole number of bytes.');
  return Number(offset);
}

export function checksumOf(headers: IncomingHttpHeaders): Checksum | undefined {
  const header = headers['upload-checksum'];
  if (header === undefined) return undefined;
  const [, algorithm = '', text = ''] = /^(\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(String(header)) ?? [];
  const digest = Buffer.from(text, 'base64');
  const length = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  if (length === undefined || digest.length !== length)
    throw badInput(
      'Upload-Checksum',
      'The header Upload-Checksum must hold md5, sha1 or sha256, a blank and the Base64 digest.',
    );
  return { algorithm, digest };
}
