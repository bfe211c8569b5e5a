import type { DatabaseConfig } from '../../src/config.js';
import { parseAddress } from '../../src/config/database-address.js';

/** The configuration of a database at `url`, as tests and benches open it. */
export function postgresAt(
  url: string,
  {
    ownerUrl = url,
    pooler = 'none',
    poolSize,
    writesAtOnce: concurrentWrites,
  }: {
    ownerUrl?: string;
    pooler?: 'none' | 'transaction';
    poolSize: number;
    writesAtOnce?: number | undefined;
  },
): DatabaseConfig {
  return {
    kind: 'postgres',
    address: parseAddress(url),
    ownerAddress: parseAddress(ownerUrl),
    pooler,
    poolSize,
    concurrentWrites,
  };
}
