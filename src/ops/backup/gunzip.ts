import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { StartupError } from '../../base/startup-error.js';
import { fileError } from '../../base/file-errors.js';

/** What a file that gzip packed holds, in pieces. Throws what `gunzipError` puts into words. */
export async function* gunzip(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stream = createGunzip();
  const finished = pipeline(createReadStream(file), stream, { signal });
  finished.catch(() => {}); // Who reads what is unpacked meets the same error.
  yield* stream as AsyncIterable<Buffer>;
  await finished;
}

/** What zlib says of a file that is not whole, as one sentence. */
export function gunzipError(error: unknown, file: string): unknown {
  const { code } = error as { code?: string };
  if (code === 'Z_BUF_ERROR')
    return new StartupError(`${file} is cut off: its end is missing.`, { cause: error });
  if (code?.startsWith('Z_'))
    return new StartupError(`${file} is damaged: it cannot be unpacked.`, { cause: error });
  return fileError(error, file, 'read');
}
