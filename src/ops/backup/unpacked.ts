import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { StartupError } from '../../base/startup-error.js';
import { fileError } from './file-errors.js';

/** What a file that gzip packed holds, in pieces. Throws what `unpackingError` puts into words. */
export async function* unpacked(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const unpack = createGunzip();
  const reading = pipeline(createReadStream(file), unpack, { signal });
  reading.catch(() => {}); // Who reads what is unpacked meets the same error.
  yield* unpack as AsyncIterable<Buffer>;
  await reading;
}

/** What zlib says of a file that is not whole, as one sentence. */
export function unpackingError(error: unknown, file: string): unknown {
  const { code } = error as { code?: string };
  if (code === 'Z_BUF_ERROR')
    return new StartupError(`${file} is cut off: its end is missing.`, { cause: error });
  if (code?.startsWith('Z_'))
    return new StartupError(`${file} is damaged: it cannot be unpacked.`, { cause: error });
  return fileError(error, file, 'read');
}
