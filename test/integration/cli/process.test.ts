import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'weaver-process-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The built command, in a folder of its own. */
function weaver(env: Record<string, string>, ...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'bin/weaver.js'), ...args], { cwd: folder, env, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

describe('the command weaver', () => {
  test('takes from .env what the environment does not set', () => {
    writeFileSync(join(folder, '.env'), 'PORT=nonsense\nLOG_LEVEL=nonsense\n');
    try {
      expect(weaver({ LOG_LEVEL: 'info' }, 'db', 'status')).toEqual({ code: 1, out: '', err: 'The configuration has a mistake:\n  - PORT must be a whole number from 0 to 65535\n' });
    } finally {
      rmSync(join(folder, '.env'));
    }
  });

  test('keeps its standard output for results', () => {
    expect(weaver({}, '--version')).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
    expect(weaver({}, 'nonsense')).toMatchObject({ code: 2, out: '' });
  });

  test('does not mind a reader that stops reading', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${join(ROOT, 'bin/weaver.js')}" schema print | head -n 1`], { cwd: folder, env: { PATH: process.env.PATH }, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\S.*\n$/);
  });
});
