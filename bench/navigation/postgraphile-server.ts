import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { hashOf, prefixOf } from '../../src/api-keys/key-format.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../src/db/roles.js';

/**
 * PostGraphile 5 over the same tables, as its V5 preset makes it. `argv[2]` says under which walls:
 * `policies` takes the role and names the tenant in each transaction, as its documentation has it
 * for row-level security; `superuser` does neither. Whose a request is, these take from a header;
 * `key` looks up the request's key, and is otherwise as `policies`.
 */
const variant = process.argv[2];
const keys = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  options: `-c role=${OPERATOR_ROLE}`,
});

interface Settings {
  readonly role: string;
  readonly 'app.tenant_id': string;
}

/** The operator's token is the one that is no key. Nobody else asks, so it is not compared. */
async function settingsOfKey(authorization: string | undefined): Promise<Settings> {
  const token = authorization?.slice('Bearer '.length) ?? '';
  const prefix = prefixOf(token);
  if (prefix === undefined) return { role: OPERATOR_ROLE, 'app.tenant_id': '' };
  const { rows } = await keys.query<{ tenant_id: string; key_hash: string }>({
    name: 'key',
    text:
      'select tenant_id, key_hash from api_keys where key_prefix = $1 and not revoked ' +
      'and (expires_at is null or expires_at > now())',
    values: [prefix],
  });
  const row = rows.find(({ key_hash }) => key_hash === hashOf(token));
  if (!row) throw new Error('The key is unknown.');
  return { role: TENANT_ROLE, 'app.tenant_id': row.tenant_id };
}

const pgl = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL!,
      schemas: ['public'],
      pubsub: false,
      poolConfig: { max: 10 },
    }),
  ],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    async context(request) {
      const headers = request.node?.req.headers ?? {};
      if (variant === 'key') {
        const settings = await settingsOfKey(headers.authorization);
        return { pgSettings: { ...settings } };
      }
      const { 'x-role': role, 'x-bench-tenant': tenant } = headers;
      return {
        pgSettings:
          variant === 'policies'
            ? { role: String(role), 'app.tenant_id': String(tenant ?? '') }
            : {},
      };
    },
  },
});

const server = createServer();
await pgl.createServ(grafserv).addTo(server);
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.once('disconnect', () => process.exit());
