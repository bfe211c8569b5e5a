import { fixedStatement, type Row } from '../db/statement.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader, type LoaderOf } from '../graphql/loader.js';
import type { BotStats, TenantStats, TenantUsage } from './stats.types.js';

/**
 * One row of counts for each parent of a level, in one statement. `select` reads from the tenant
 * `p.tenant_id` and the parent `p.id`.
 */
function defineCounts<V>(name: string, select: string): LoaderOf<Parent, V> {
  const counts = fixedStatement(
    name,
    `select ${select} from unnest($1::uuid[], $2::uuid[]) with ordinality as ` +
      'p(tenant_id, id, n) order by p.n',
  );
  return defineLoader<Parent, V>(
    async (parents, { reads }) => {
      const tenants = parents.map(parent => reads.tenantId ?? parent.tenantId);
      return (await reads.query<Row>(counts, [tenants, parents.map(parent => parent.id)])) as V[];
    },
    parent => parent.id,
  );
}

const count = (table: string, condition = ''): string =>
  `(select count(*)::int from ${table} t where t.tenant_id = p.tenant_id ${condition})`;

export const statsOfTenant = defineCounts<TenantStats>(
  'tenantStats',
  `${count('profiles')} as users,
   ${count('bots')} as bots,
   ${count('docs')} as documents,
   ${count('doc_chunks')} as chunks,
   ${count('api_keys', 'and not t.revoked and (t.expires_at is null or t.expires_at > now())')}
     as "activeApiKeys",
   ${count('bot_queries')} as "botQueries",
   (select jsonb_build_object(
      'queued', count(*) filter (where t.state = 'queued'),
      'running', count(*) filter (where t.state = 'running'),
      'oldestSeconds',
        greatest(0, coalesce(extract(epoch from now() - min(t.created_at)), 0))::int,
      'failed', (select count(*) from ingestions f
         where f.tenant_id = p.tenant_id and f.state = 'failed'
           and not exists (select from ingestions n where n.tenant_id = f.tenant_id
             and n.doc_id = f.doc_id and (n.created_at, n.id) > (f.created_at, f.id))))
      from ingestions t
     where t.tenant_id = p.tenant_id and t.state in ('queued', 'running')) as backlog`,
);

export const usageOfTenant = defineCounts<TenantUsage>(
  'tenantUsage',
  `(select coalesce(sum(t.size_bytes), 0)::bigint from docs t where t.tenant_id = p.tenant_id)
     as "documentBytes",
   ${count('bot_queries', `and t.created_at > now() - interval '30 days'`)}
     as "botQueriesLast30Days"`,
);

export const statsOfBot = defineCounts<BotStats>(
  'botStats',
  `${count('docs', 'and t.bot_id = p.id')} as documents,
   ${count('doc_chunks', 'and t.bot_id = p.id')} as chunks,
   ${count('bot_queries', 'and t.bot_id = p.id')} as "botQueries",
   (select avg(t.latency_ms)::float8 from bot_queries t
      where t.tenant_id = p.tenant_id and t.bot_id = p.id) as "averageLatencyMs",
   (select max(t.created_at) from bot_queries t
      where t.tenant_id = p.tenant_id and t.bot_id = p.id) as "lastAskedAt"`,
);
