import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/base/app-error.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.md'))
    .map(path => join('docs', path)),
];

describe('documents', () => {
  test('docs/errors.md explains each code, and no other', () => {
    const explained = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(
      match => match[1],
    );
    expect(explained).toEqual([...ERROR_CODES]);
  });

  test('docs/dependencies.md names every dependency, and no other', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const page = read('docs/dependencies.md');
    const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
      name =>
        !page.includes(`\`${name}\``) &&
        !(
          name.startsWith('@mikro-orm/') && page.includes(`\`${name.slice('@mikro-orm/'.length)}\``)
        ),
    );
    expect(missing).toEqual([]);
  });

  test('versions of dependencies are exact', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      read('package.json'),
    ) as Record<string, Record<string, string>>;
    const ranges = Object.entries({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(ranges).toEqual([]);
  });

  test.each(pages)('%s links only to what exists', page => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      match => match[1]!,
    );
    expect(links.filter(link => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  test('only the command line sees the environment, as the architecture page says', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
      path => path.endsWith('.ts') && !path.startsWith('cli/'),
    );
    expect(
      files.filter(path =>
        /\bprocess\s*(\.|\[['"])env\b|node:process/.test(read(join('src', path))),
      ),
    ).toEqual([]);
    expect(read('docs/architecture.md')).toContain(
      'only the command line and tests see the environment',
    );
  });

  test('the architecture page names every folder of src', () => {
    const page = read('docs/architecture.md');
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `${entry.name}/`);
    expect(folders.filter(folder => !page.includes(folder))).toEqual([]);
  });
});
