import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/schema.js';

const src = join(import.meta.dirname, '../../src');
const filesNamed = (suffix: string): { path: string; text: string }[] =>
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith(suffix))
    .map(path => ({ path, text: readFileSync(join(src, path), 'utf8') }));

const resolvers = filesNamed('.resolver.ts');
const services = filesNamed('.service.ts');
const floor = readdirSync(join(src, 'writes')).map(name => ({
  path: join('writes', name),
  text: readFileSync(join(src, 'writes', name), 'utf8'),
}));
const mutations = Object.keys(buildGatewaySchema().getMutationType()!.getFields());

/** Files with what they may not hold, as `path: what was found`. */
const found = (files: typeof resolvers, pattern: RegExp): string[] =>
  files.flatMap(({ path, text }) => (text.match(pattern) ?? []).map(what => `${path}: ${what}`));

describe('a resolver', () => {
  test('decides nothing, catches nothing and holds no SQL', () => {
    expect(resolvers.length).toBeGreaterThan(20);
    expect(found(resolvers, /\bif \(|\btry \{|\bcatch\b/g)).toEqual([]);
    expect(
      found(resolvers, /\brunInWrite\b|\bem\.|\b(?:statement|fixedStatement)\(|\.query[<(]/g),
    ).toEqual([]);
    expect(found(resolvers, /['"`]\s*(?:select|insert|update|delete|with)\s/gi)).toEqual([]);
  });
});

describe('a use case', () => {
  test('knows no request, no server and nothing of how GraphQL is executed', () => {
    expect(services.map(({ path }) => path).length).toBeGreaterThan(6);
    const packages = /from '(?:fastify|graphql|type-graphql|@fastify\/[^']*|@apollo\/[^']*)'/g;
    const ours = /from '[^']*\/(?:context\.js|http\/[^']*)'/g;
    expect(found([...services, ...floor], packages)).toEqual([]);
    expect(found([...services, ...floor], ours)).toEqual([]);
    expect(
      found([...services, ...floor], /\b(?:GraphQLResolveInfo|RequestContext|Ctx|Info)\b/g),
    ).toEqual([]);
  });

  test('stands behind each mutation: a function of its name and of three arguments', async () => {
    const exported = new Map<string, unknown>();
    for (const { path } of services)
      for (const [name, value] of Object.entries<unknown>(await import(join(src, path))))
        exported.set(name, value);
    const other = mutations.filter(name => {
      const verb = exported.get(name);
      return typeof verb !== 'function' || verb.length !== 3;
    });
    expect(other).toEqual([]);
  });

  test('bears the name of its mutation, and states an event or why there is none', () => {
    const changes = services.flatMap(({ text }) => text.split(/\bverb: /).slice(1));
    const names = changes.map(change => /^'(\w+)'/.exec(change)?.[1]);
    expect(new Set(names)).toEqual(new Set(mutations));
    const silent = names.filter(
      (_, index) => !/\b(?:recorded|recordedForOperators|notRecorded)\(/.test(changes[index]!),
    );
    expect(silent).toEqual([]);
  });

  test('makes the rows of the demo data', () => {
    const demo = filesNamed('.ts').filter(({ path }) => path.startsWith('demo/'));
    expect(demo.length).toBeGreaterThan(1);
    expect(found(demo, /\b(?:insertRow|storeDocument|storeChunks|nativeInsert)\b/g)).toEqual([]);
  });

  test('is the only thing that opens a change', () => {
    const elsewhere = filesNamed('.ts').filter(
      ({ path, text }) => !path.endsWith('.service.ts') && /writes\/change\.js'/.test(text),
    );
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });
});
