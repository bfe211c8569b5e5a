import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/base/app-error.js';
import { EXTRACTION_SETTINGS } from '../../src/config/extraction-limits.js';
import { EXTRACTION_CODES } from '../../src/extraction/extraction-error.js';
import { acceptedContentTypes } from '../../src/extraction/formats.js';
import { EXTRACTORS } from '../../src/extraction/read-file.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'test/README.md',
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

  test('docs/files.md explains each code, limit and media type, and no other', () => {
    const rows = [...read('docs/files.md').matchAll(/^\| `([A-Z_]+)` +\| ([\d,]+)?/gm)];
    const codes = rows.flatMap(([, name, value]) => (value === undefined ? [name] : []));
    expect(codes).toEqual([...EXTRACTION_CODES]);
    const limits = rows.flatMap(([, name, value]) =>
      value === undefined ? [] : [[name, Number(value.replaceAll(',', ''))]],
    );
    expect(limits).toEqual(
      Object.entries(EXTRACTION_SETTINGS).map(([name, setting]) => [
        name,
        setting.parse(undefined),
      ]),
    );
    const [table] = read('docs/files.md').split('\n## ', 1);
    const types = [...table!.matchAll(/`((?:text|application)\/[\w.+-]+)`/g)].map(
      match => match[1]!,
    );
    expect(new Set(types.filter(type => !type.endsWith('/octet-stream')))).toEqual(
      new Set(acceptedContentTypes),
    );
  });

  test('extractors are told with the versions of their packages', () => {
    const { dependencies } = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
    };
    for (const [name, version] of Object.values(EXTRACTORS))
      if (name !== 'weaver') expect(version.split('-')[0], name).toBe(dependencies[name]);
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
    expect(read('docs/architecture.md')).toContain('only the command line reads the environment');
  });

  test('the picture of folders shows the steps of imports, in their order', () => {
    const steps = /const STEPS = \[\n(.*?)\n\];/s.exec(read('.dependency-cruiser.cjs'))![1]!;
    const picture = /```mermaid\n(.*?)```/s.exec(read('docs/architecture.md'))![1]!;
    const shown = [...picture.matchAll(/\["(.+?)"\]/g)].map(([, names]) => names!.split(', '));
    expect(shown).toEqual(
      steps.split('\n').map(step => [...step.matchAll(/'(.+?)'/g)].map(([, name]) => name)),
    );
    // What the steps name is there: `src/config/` or `src/main.ts`.
    const sources = readdirSync(join(root, 'src')).map(name => name.replace(/\.ts$/, ''));
    expect(shown.flat().sort()).toEqual([...new Set(sources)].sort());
  });

  test('the architecture page explains every folder of src', () => {
    const page = read('docs/architecture.md');
    const features = new Set(
      readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
        .filter(path => path.endsWith('.resolver.ts'))
        .map(path => dirname(path)),
    );
    const explained = [...page.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`(.+?)`/g)].map(([, name]) => name),
    );
    const others = readdirSync(join(root, 'src'))
      .map(name => name.replace(/\.ts$/, ''))
      .filter(name => !features.has(name) && !explained.includes(name));
    expect(others).toEqual([]);
  });

  test('every file that the architecture page names is there', () => {
    const files = [...read('docs/architecture.md').matchAll(/`([\w./-]+\.ts)`/g)].map(
      match => match[1]!,
    );
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter(file => !existsSync(join(root, 'src', file)))).toEqual([]);
  });

  test('test/README.md explains each file of test/support, and no other', () => {
    const explained = [...read('test/README.md').matchAll(/^- `([\w-]+\.ts)`: ./gm)].map(
      match => match[1]!,
    );
    expect(explained.sort()).toEqual(readdirSync(join(root, 'test/support')).sort());
  });

  test('test/README.md names each switch by which a run requires a program, and no other', () => {
    const switchesIn = (text: string): string[] => text.match(/WEAVER_REQUIRE_\w+/g) ?? [];
    const used = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts'))
      .flatMap(path => switchesIn(read(join('test', path))));
    const named = new Set(switchesIn(read('test/README.md')));
    expect([...named].sort()).toEqual([...new Set(used)].sort());
  });
});
