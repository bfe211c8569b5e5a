import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { grafserv } from 'postgraphile/grafserv/node';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

/**
 * PostGraphile 5 over the same tables, as its V5 preset makes it. `argv[2]` says under which walls:
 * `policies` takes the role and names the tenant in each transaction, as its documentation has it
 * for row-level security; `superuser` does neither. Whose a request is, it takes from a header: it
 * looks up no key.
 */
const withPolicies = process.argv[2] === 'policies';

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
    context(request) {
      const { 'x-role': role, 'x-bench-tenant': tenant } = request.node?.req.headers ?? {};
      return {
        pgSettings: withPolicies
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
