import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'weaver-process-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The built command, in a folder of its own. */
function weaver(
  env: Record<string, string>,
  ...args: string[]
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'bin/weaver.js'), ...args],
    { cwd: folder, env, encoding: 'utf8' },
  );
  return { code: status, out: stdout, err: stderr };
}

describe('the command weaver', () => {
  test('takes from .env what the environment does not set', () => {
    writeFileSync(join(folder, '.env'), 'PORT=nonsense\nLOG_LEVEL=nonsense\n');
    try {
      expect(weaver({ LOG_LEVEL: 'info' }, 'db', 'status')).toEqual({
        code: 1,
        out: '',
        err: 'The configuration has a mistake:\n  - PORT must be a whole number from 0 to 65535\n',
      });
    } finally {
      rmSync(join(folder, '.env'));
    }
  });

  test('takes from .env what follows a byte order mark, too', () => {
    writeFileSync(join(folder, '.env'), '\uFEFFPORT=nonsense\n');
    try {
      expect(weaver({}, 'db', 'status')).toMatchObject({
        code: 1,
        err: expect.stringContaining('PORT must be a whole number'),
      });
    } finally {
      rmSync(join(folder, '.env'));
    }
  });

  test.each([
    [
      'a folder',
      () => mkdirSync(join(folder, '.env')),
      /^The file \.env in this folder cannot be read: it is a folder\..*\n$/,
    ],
    [
      'in UTF-16',
      () => writeFileSync(join(folder, '.env'), Buffer.from('\uFEFFPORT=1\n', 'utf16le')),
      /^The file \.env in this folder is not in UTF-8\. Save it as UTF-8\.\n$/,
    ],
    [
      'in Latin-1',
      () => writeFileSync(join(folder, '.env'), Buffer.from('WEAVER_DATA_DIR=Jürgen\n', 'latin1')),
      /^The file \.env in this folder is not in UTF-8\. Save it as UTF-8\.\n$/,
    ],
    [
      'a link to nowhere',
      () => symlinkSync('nowhere', join(folder, '.env')),
      /^The file \.env in this folder cannot be read: it is a link to a file .* not there\..*\n$/,
    ],
    [
      'a pipe',
      () => spawnSync('mkfifo', [join(folder, '.env')]),
      /^The file \.env in this folder cannot be read: it is a pipe or a device, .*\n$/,
    ],
    [
      'a device without an end',
      () => symlinkSync('/dev/zero', join(folder, '.env')),
      /^The file \.env in this folder cannot be read: it is a pipe or a device, .*\n$/,
    ],
    [
      'not in its form',
      () =>
        writeFileSync(
          join(folder, '.env'),
          '# where\nexport PORT = 4000 # here\nHOST="a\n#b\nc"\n\nDATABASE_URL: ' +
            'postgresql://db/weaver?sslmode=require\n',
        ),
      /^Line 7 of the file \.env in this folder sets no variable\. Write it as NAME=value.*\n$/,
    ],
  ])('says in one sentence that .env is %s', (_, make, sentence) => {
    make();
    try {
      expect(weaver({}, 'db', 'status')).toEqual({
        code: 1,
        out: '',
        err: expect.stringMatching(sentence),
      });
    } finally {
      rmSync(join(folder, '.env'), { recursive: true });
    }
  });

  test('keeps its standard output for results', () => {
    expect(weaver({}, '--version')).toEqual({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
    expect(weaver({}, 'nonsense')).toMatchObject({ code: 2, out: '' });
  });

  test('does not mind a reader that stops reading', () => {
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${join(ROOT, 'bin/weaver.js')}" schema print | head -n 1`],
      { cwd: folder, env: { PATH: process.env.PATH }, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\S.*\n$/);
  });
});
