import { lstatSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { fileErrorCode, fileErrorReason, readRegularFile } from '../base/file-errors.js';
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
  refuseOtherLines(content);
  for (const [name, value] of Object.entries(parseEnv(content))) env[name] ??= value;
}

function readEnvFile(): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(FILE);
  } catch (error) {
    const isMissing = fileErrorCode(error) === 'ENOENT';
    const isLink = isMissing && lstatSync(FILE, { throwIfNoEntry: false }) !== undefined;
    if (isMissing && !isLink) return undefined;
    const why = isLink ? 'it is a link to a file that is not there' : fileErrorReason(error);
    if (why === undefined) throw error;
    throw new StartupError(
      `The file .env in this folder cannot be read: ${why}. Make it a file of lines such ` +
        'as DATABASE_URL=postgresql://…, or move it away.',
      { cause: error },
    );
  }
  // What some editors and shells of Windows write. Decoding takes the mark at the beginning away.
  const notUtf8 = 'The file .env in this folder is not in UTF-8. Save it as UTF-8.';
  if (bytes.includes(0)) throw new StartupError(notUtf8);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new StartupError(notUtf8, { cause: error });
  }
}

/**
 * An assignment as Node reads it, whose value in quotes may go over several lines:
 * https://nodejs.org/api/environment_variables.html#dotenv
 */
const ASSIGNMENT = new RegExp(
  String.raw`^[^\S\n]*(?:export[^\S\n]+)?[A-Za-z_][\w.-]*[^\S\n]*=[^\S\n]*` +
    '(?:\'[^\']*\'|"[^"]*"|`[^`]*`)?' +
    String.raw`[^\n]*$`,
  'gm',
);

/**
 * Node passes over a line that sets nothing, such as `DATABASE_URL: …`: then the command would work
 * on another database.
 */
function refuseOtherLines(content: string): void {
  const lines = content
    .replace(/\r\n?/g, '\n')
    .replace(ASSIGNMENT, text => text.replace(/[^\n]+/g, ''))
    .split('\n');
  const wrong = lines.findIndex(line => !/^\s*(#|$)/.test(line));
  if (wrong >= 0)
    throw new StartupError(
      `Line ${wrong + 1} of the file .env in this folder sets no variable. Write it as ` +
        'NAME=value, or put # before it.',
    );
}
