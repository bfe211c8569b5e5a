import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { StartupError } from '../base/startup-error.js';

const FILE = '.env';

/**
 * Takes variables that the environment does not set from the file `.env` of the working directory,
 * where there is one. Throws a `StartupError` for one that cannot be read: a line that got lost
 * would lead to another database without a word.
 */
export function loadEnvFile(env: NodeJS.ProcessEnv = process.env): void {
  const content = readEnvFile();
  if (content === undefined) return;
  for (const [name, value] of Object.entries(parseEnv(content))) env[name] ??= value;
}

function readEnvFile(): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(FILE);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT') return undefined;
    const why =
      code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'this user may not read it' : code;
    throw new StartupError(
      `The file .env in this folder cannot be read: ${why}. Make it a file of lines such ` +
        'as DATABASE_URL=postgresql://…, or move it away.',
      { cause: error },
    );
  }
  // What some editors and shells of Windows write.
  if (bytes.includes(0))
    throw new StartupError('The file .env in this folder is not in UTF-8. Save it as UTF-8.');
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
