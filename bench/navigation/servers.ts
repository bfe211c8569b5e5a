import { join } from 'node:path';
import { startPeer, startGateway, type Server } from '../shared/processes.js';
import type { DataSet } from './data-set.js';
import type { Dialect } from './workloads.js';

export const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';

/**
 * What a server is in the comparison: the floor is the better of those that know nothing of
 * GraphQL, the control is the gateway a second time.
 */
export type ServerRole = 'gateway' | 'control' | 'peer' | 'floor';

export interface RunningServer {
  readonly server: Server;
  readonly dialect: Dialect;
  readonly role: ServerRole;
}

/**
 * Whom the gateway is measured against first: what a user would choose in its place, under the same
 * policies.
 */
export const RIVAL = 'PostGraphile, policies';

interface PeerServer {
  readonly name: string;
  readonly program: string;
  readonly variant: string;
  readonly dialect: Dialect;
}

const PEERS: Readonly<Record<string, PeerServer>> = {
  'postgraphile-policies': {
    name: RIVAL,
    program: 'postgraphile-server.ts',
    variant: 'policies',
    dialect: 'postgraphile',
  },
  'postgraphile-superuser': {
    name: 'PostGraphile, superuser',
    program: 'postgraphile-server.ts',
    variant: 'superuser',
    dialect: 'postgraphile',
  },
  'postgraphile-key': {
    name: 'PostGraphile, policies, key looked up',
    program: 'postgraphile-server.ts',
    variant: 'key',
    dialect: 'postgraphile',
  },
  apollo: {
    name: 'Apollo, loaders',
    program: 'apollo-server.ts',
    variant: 'loaders',
    dialect: 'apollo',
  },
};

const FLOORS: readonly PeerServer[] = [
  { name: 'JSON in SQL', program: 'floor-server.ts', variant: 'json-in-sql', dialect: 'path' },
  { name: 'rows', program: 'floor-server.ts', variant: 'rows', dialect: 'path' },
  {
    name: 'transactions by hand',
    program: 'write-server.ts',
    variant: 'policies',
    dialect: 'transaction',
  },
];

/**
 * The servers beside the gateway and the floors, by the names that the command line has for them.
 */
export const SERVERS: readonly string[] = Object.keys(PEERS);

/**
 * Starts the gateway with each number of workers and once again, then the others, and puts each
 * into `running` at once, so that whoever called can stop it.
 */
export async function startServers(
  running: RunningServer[],
  { gatewayUrl, adminUrl }: DataSet,
  wanted: { workers: readonly number[]; servers: readonly string[] },
): Promise<void> {
  const gateway = async (workers: number, name: string, role: ServerRole): Promise<void> => {
    const several: Record<string, string> = workers > 1 ? { WEAVER_WORKERS: String(workers) } : {};
    running.push({
      server: await startGateway(name, gatewayUrl, OPERATOR_TOKEN, several),
      dialect: 'weaver',
      role,
    });
  };
  for (const workers of wanted.workers)
    await gateway(workers, workers > 1 ? `Weaver, ${workers} workers` : 'Weaver', 'gateway');
  await gateway(wanted.workers[0]!, 'Weaver again', 'control');
  const start = async (
    { name, program, variant, dialect }: PeerServer,
    role: ServerRole,
  ): Promise<void> => {
    // Policies hold for the gateway's login only: it must take a role, and owns nothing.
    running.push({
      server: await startPeer(
        name,
        join(import.meta.dirname, program),
        variant,
        variant === 'policies' || variant === 'key' ? gatewayUrl : adminUrl,
      ),
      dialect,
      role,
    });
  };
  for (const name of wanted.servers) await start(PEERS[name]!, 'peer');
  for (const floor of FLOORS) await start(floor, 'floor');
}
