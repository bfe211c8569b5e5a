import type { DatabaseConfig } from '../../config.js';
import { LEGACY_POLICY, LEGACY_PREFIX } from '../../db/legacy-names.js';
import { SEARCH_INDEX_NAME } from '../../db/search-index-name.js';
import type { Catalogue, CatalogueTable } from './catalogue.js';

/** One difference between the database and what its migrations make. */
export interface Difference {
  /** `docs` for a table, else what kind of thing it is. */
  readonly where: string;
  readonly kind: 'missing' | 'extra' | 'changed';
  readonly what: string;
}

/**
 * What taking over an older database keeps until it is finished, and what its old application may
 * still do.
 */
const LEGACY = new RegExp(`^${LEGACY_PREFIX}`);

const PARTS = [
  'columns',
  'constraints',
  'indexes',
  'triggers',
  'policies',
  'grants',
  'options',
] as const;

/**
 * Where `live` differs from `reference`. Left out is what operators add on purpose and no migration
 * makes: schemas and extensions of their own, indexes of `weaver search tune`, and what adoption
 * keeps of an older database, with the rights that it gave that one's application.
 */
export function driftBetween(reference: Catalogue, live: Catalogue): Difference[] {
  return [
    ...compareLists('extension', reference.extensions, live.extensions).filter(
      difference => difference.kind !== 'extra',
    ),
    ...compareRecords(
      'role',
      reference.roles,
      live.roles,
      (wanted, found) => `is ${found}, and was made ${wanted}`,
    ),
    ...compareTables(reference.tables, live.tables),
    ...compareRecords(
      'function',
      joined(reference.functions),
      joined(live.functions),
      functionDifference,
    ),
    ...compareLists('other', reference.others, live.others).filter(
      ({ kind, what }) =>
        kind === 'missing' || !(what.startsWith('schema ') || what.includes(` ${LEGACY_PREFIX}`)),
    ),
  ];
}

function compareTables(
  reference: Record<string, CatalogueTable>,
  live: Record<string, CatalogueTable>,
): Difference[] {
  const differences: Difference[] = [];
  const names = new Set(
    [...Object.keys(reference), ...Object.keys(live)].filter(name => !LEGACY.test(name)),
  );
  for (const name of [...names].toSorted()) {
    const [wanted, found] = [reference[name], live[name]];
    if (!wanted) differences.push({ where: name, kind: 'extra', what: 'table' });
    else if (!found) differences.push({ where: name, kind: 'missing', what: 'table' });
    else differences.push(...compareTable(name, wanted, found));
  }
  return differences;
}

function compareTable(name: string, wanted: CatalogueTable, found: CatalogueTable): Difference[] {
  const legacyPolicies = found.policies.filter(isLegacyPolicy);
  const legacyRoles = legacyPolicies.flatMap(
    policy => / to ((?:\S+, )*\S+) using/.exec(policy)?.[1]?.split(', ') ?? [],
  );
  const known: Record<(typeof PARTS)[number], string[]> = {
    ...found,
    indexes: found.indexes.filter(index => !SEARCH_INDEX_NAME.test(nameOfIndex(index))),
    triggers: found.triggers.filter(trigger => !trigger.includes(` TRIGGER ${LEGACY_PREFIX}`)),
    policies: found.policies.filter(policy => !isLegacyPolicy(policy)),
    grants: found.grants.filter(grant => !legacyRoles.includes(grant.split(' ', 1)[0]!)),
  };
  const rowSecurity: Difference[] =
    wanted.rowSecurity === found.rowSecurity
      ? []
      : [
          {
            where: name,
            kind: 'changed',
            what: `row-level security is ${found.rowSecurity}, and was made ${wanted.rowSecurity}`,
          },
        ];
  return [
    ...rowSecurity,
    ...PARTS.flatMap(part => compareLists(name, wanted[part], known[part], singular(part))),
  ];
}

function isLegacyPolicy(policy: string): boolean {
  return policy.startsWith(`${LEGACY_POLICY} `);
}

function nameOfIndex(definition: string): string {
  return / INDEX (\S+) ON /.exec(definition)?.[1] ?? '';
}

function compareLists(
  where: string,
  wanted: readonly string[],
  found: readonly string[],
  what?: string,
): Difference[] {
  const named = (text: string): string => (what ? `${what} ${text}` : text);
  return [
    ...wanted
      .filter(text => !found.some(other => isSame(text, other)))
      .map(text => ({ where, kind: 'missing', what: named(text) }) satisfies Difference),
    ...found
      .filter(text => !wanted.some(other => isSame(text, other)))
      .map(text => ({ where, kind: 'extra', what: named(text) }) satisfies Difference),
  ];
}

function isSame(one: string, other: string): boolean {
  return one === other || withoutCasts(one) === withoutCasts(other);
}

/**
 * `in ('a', 'b')` on a column of varchar is an array cast as a whole, and once it went through a
 * dump an array of items cast one by one.
 */
function withoutCasts(text: string): string {
  return text
    .replace(/\(\((ARRAY\[[^\]]*\])\)::text\[\]\)/g, '($1)')
    .replace(/\(('[^']*')::character varying\)::text/g, '$1')
    .replace(/('[^']*')::character varying/g, '$1');
}

function compareRecords(
  where: string,
  wanted: Record<string, string>,
  found: Record<string, string>,
  describe: (wanted: string, found: string) => string,
): Difference[] {
  const names = new Set(
    [...Object.keys(wanted), ...Object.keys(found)].filter(name => !LEGACY.test(name)),
  );
  return [...names].toSorted().flatMap((name): Difference[] => {
    const [expected, actual] = [wanted[name], found[name]];
    if (expected === actual) return [];
    if (actual === undefined) return [{ where, kind: 'missing', what: name }];
    if (expected === undefined) return [{ where, kind: 'extra', what: name }];
    return [{ where, kind: 'changed', what: `${name} ${describe(expected, actual)}` }];
  });
}

/**
 * The first line that is another, and whether it stands before or in the body: all of a long
 * function would hide what was changed.
 */
function functionDifference(wanted: string, found: string): string {
  const [expected, actual] = [wanted.split('\n'), found.split('\n')];
  const at = actual.findIndex((line, index) => line !== expected[index]);
  const first = at < 0 ? actual.length : at;
  const isBody = (line: string | undefined): boolean => line?.startsWith('AS $') ?? false;
  const start = expected.findIndex(isBody);
  const declared = first < start || (first === start && !isBody(actual[first]));
  // A declaration that says one thing less goes on with the body.
  const describeLines = (line: string | undefined): string =>
    line === undefined || (declared && isBody(line)) ? 'nothing' : `"${line.trim()}"`;
  return (
    `has another ${declared ? 'declaration' : 'body'}: ${describeLines(actual[first])}, ` +
    'and was made ' +
    `${describeLines(expected[first])}`
  );
}

function joined(functions: Record<string, string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, lines]) => [name, lines.join('\n')]),
  );
}

function singular(part: (typeof PARTS)[number]): string {
  return {
    columns: 'column',
    constraints: 'constraint',
    indexes: 'index',
    triggers: 'trigger',
    policies: 'policy',
    grants: 'grant',
    options: 'option',
  }[part];
}

/** A database in memory, to make what migrations make. */
export const SCRATCH: DatabaseConfig = { kind: 'embedded', dataDir: 'memory://' };
