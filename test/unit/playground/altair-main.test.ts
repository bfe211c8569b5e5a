import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getDistDirectory } from 'altair-static';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { altairMain } from '../../../src/playground/altair-main.js';

describe('the main script of the pinned Altair', () => {
  test('reads JSON by our script in place of json-bigint, and is the same otherwise', async () => {
    const original = await readFile(join(getDistDirectory(), 'main.js'), 'utf8');
    const changed = await altairMain(getDistDirectory());
    expect(changed).toMatch(/^import \* as exactJson from '\.\/exact-json\.js';\n/);
    expect(changed.match(/exactJson\.parse/g)).toHaveLength(1);
    expect(Math.abs(changed.length - original.length)).toBeLessThan(100);
  });
});

describe('the main script of an Altair that nobody has looked at', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'weaver-altair-'))));
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    ['without json-bigint', 'export {};'],
    [
      'with it twice',
      (
        'a.exports=function(n){return{parse:b(n),stringify:c}};' +
        'a.exports.parse=b();a.exports.stringify=c;'
      ).repeat(2),
    ],
  ])('%s is refused', async (_, source) => {
    await writeFile(join(folder, 'main.js'), source);
    await expect(altairMain(folder)).rejects.toThrow('json-bigint');
  });
});
