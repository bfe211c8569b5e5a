import { LEGACY_POLICY } from '../../db/legacy-names.js';
import type { Database } from '../../db/database.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../db/roles.js';

export interface WalledTable {
  readonly table: string;
  /** The column that names the row's tenant. */
  readonly tenantColumn: 'id' | 'tenant_id';
  readonly policies: readonly {
    readonly name: string;
    readonly role: string;
    readonly using: string;
  }[];
}

/** The tables that hold tenants' rows, and the policies that the entities declare for them. */
export function walledTables(database: Database): WalledTable[] {
  return [...database.orm.getMetadata().getAll().values()]
    .filter(meta => meta.rowLevelSecurity)
    .map(meta => {
      const policies = (meta.policies ?? []).map(policy => ({
        name: policy.name!,
        role: [policy.roles ?? 'public'].flat().join(),
        using: String(policy.using),
      }));
      return {
        table: meta.tableName,
        tenantColumn: policies.some(policy => policy.using.startsWith('id '))
          ? ('id' as const)
          : ('tenant_id' as const),
        policies,
      };
    })
    .sort((a, b) => a.table.localeCompare(b.table));
}

interface TableFacts {
  table: string;
  owner: string;
  enabled: boolean;
  forced: boolean;
  holdsTenantId: boolean;
  /** Who of the tenants' role and the login may truncate it, which no policy would stop. */
  truncatedBy: string[];
  policies: {
    name: string;
    roles: string[];
    permissive: string;
    command: string;
    using: string | null;
    check: string | null;
  }[];
}

const TABLES = `
  select c.relname::text as "table", pg_get_userbyid(c.relowner)::text as owner,
         c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
         exists (select from pg_attribute a
                  where a.attrelid = c.oid and a.attname = 'tenant_id'
                    and not a.attisdropped) as "holdsTenantId",
         array(select r from unnest(array['${TENANT_ROLE}', '${OPERATOR_ROLE}']) r
                where has_table_privilege(r, c.oid, 'truncate')) as "truncatedBy",
         coalesce((select json_agg(json_build_object(
                            'name', p.policyname, 'roles', p.roles::text[],
                            'permissive', p.permissive, 'command', p.cmd,
                            'using', p.qual, 'check', p.with_check) order by p.policyname)
                     from pg_policies p
                    where p.schemaname = n.nspname and p.tablename = c.relname),
                  '[]') as policies
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = current_schema() and c.relkind in ('r', 'p')
   order by c.relname`;

/**
 * Whether row-level security is on and forced, with the policies that the entities declare and no
 * wider ones.
 */
export async function examineWalls(database: Database, login: string): Promise<Finding[]> {
  const tables: TableFacts[] = await database.orm.em.getDriver().getConnection().execute(TABLES);
  const walled = walledTables(database);
  const findings = walled.flatMap(expected => {
    const facts = tables.find(({ table }) => table === expected.table);
    if (!facts)
      return [
        fail(
          `The table ${expected.table} is missing.`,
          'Restore it from a copy, or run the migrations on an empty database.',
        ),
      ];
    return examineTable(expected, facts);
  });
  for (const { table, holdsTenantId, enabled } of tables) {
    if (holdsTenantId && !enabled && !walled.some(known => known.table === table)) {
      findings.push(
        warn(
          `The table ${table} names tenants but is not Weaver's, and has no row-level security.`,
          `Enable it, or keep ${login} and Weaver's roles away from it.`,
        ),
      );
    }
  }
  const legacy = [
    ...new Set(
      tables.flatMap(({ policies }) =>
        policies.filter(isOfLegacyApplication).flatMap(({ roles }) => roles),
      ),
    ),
  ];
  if (legacy.length > 0) {
    findings.push(
      warn(
        `The policy ${LEGACY_POLICY} shows every tenant's rows to ${legacy.join(', ')}, ` +
          'the older application.',
        'Once that is gone, take the policy away (docs/adoption.md).',
      ),
    );
  }
  if (findings.some(({ level }) => level === 'fail')) return findings;
  const owners = [
    ...new Set(
      tables
        .filter(({ table }) => walled.some(known => known.table === table))
        .map(({ owner }) => owner),
    ),
  ];
  return [
    ...findings,
    ok(
      `Row-level security is on and forced, with the right policies, on ${walled.length} ` +
        `tables (owner: ${owners.join(', ')})`,
    ),
  ];
}

function examineTable({ table, policies }: WalledTable, facts: TableFacts): Finding[] {
  const findings: Finding[] = [];
  if (!facts.enabled)
    findings.push(
      fail(
        `${table} has no row-level security.`,
        `As its owner: alter table ${table} enable row level security.`,
      ),
    );
  if (!facts.forced)
    findings.push(
      fail(
        `Row-level security does not apply to the owner of ${table}.`,
        `As its owner: alter table ${table} force row level security.`,
      ),
    );
  for (const { name, role, using } of policies) {
    const found = facts.policies.find(policy => policy.name === name);
    const right =
      found?.roles.join() === role &&
      found.command === 'ALL' &&
      found.permissive === 'PERMISSIVE' &&
      normalizeExpression(found.using) === normalizeExpression(using) &&
      normalizeExpression(found.check) === normalizeExpression(using);
    if (!right) {
      const conditions = `using (${using}) with check (${using})`;
      const create = `create policy ${name} on ${table} to ${role} ${conditions}`;
      findings.push(
        fail(
          `The policy ${name} of ${table} is ${found ? 'not as it should be' : 'missing'}.`,
          `As its owner: ${found ? `drop policy ${name} on ${table}; ` : ''}${create}.`,
        ),
      );
    }
  }
  const wider = facts.policies.filter(
    policy =>
      policy.permissive === 'PERMISSIVE' &&
      !policies.some(known => known.name === policy.name) &&
      !isOfLegacyApplication(policy),
  );
  for (const { name, roles } of wider) {
    findings.push(
      fail(
        `The policy ${name} of ${table} shows rows beyond Weaver's policies to ` +
          `${roles.join(', ')}.`,
        `As its owner: drop policy ${name} on ${table}.`,
      ),
    );
  }
  if (facts.truncatedBy.length > 0) {
    findings.push(
      fail(
        `${facts.truncatedBy.join(' and ')} may truncate ${table}, which no policy restricts.`,
        `As its owner: revoke truncate on ${table} from ${facts.truncatedBy.join(', ')}, public.`,
      ),
    );
  }
  return findings;
}

/** A policy of the adoption's, for a login that is neither everybody nor a role of the gateway. */
function isOfLegacyApplication({ name, roles }: TableFacts['policies'][number]): boolean {
  return (
    name === LEGACY_POLICY &&
    !roles.some(role => ['public', TENANT_ROLE, OPERATOR_ROLE].includes(role))
  );
}

/** An expression without what PostgreSQL adds when it prints one. */
function normalizeExpression(expression: string | null): string | undefined {
  return expression?.toLowerCase().replace(/[\s()]/g, '');
}
