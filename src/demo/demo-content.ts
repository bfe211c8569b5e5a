import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v5 } from 'uuid';
import type { ApiKey } from '../api-keys/api-key.entity.js';
import type { ApiKeyScope } from '../auth/principal.js';
import type { BotQuery } from '../bot-queries/bot-query.entity.js';
import type { Bot } from '../bots/bot.entity.js';
import type { Document, DocumentStatus } from '../documents/document.entity.js';
import type { Tenant } from '../tenants/tenant.entity.js';
import type { User } from '../users/user.entity.js';
import type { RowValues } from '../writes/rows.js';

/**
 * Demo objects have the same ids on every machine, so that ready operations and documentation can
 * name them.
 */
const NAMESPACE = '5b0c1f0a-6f7e-4a52-9d35-2f0f4d1c7e11';

export function demoId(...path: readonly string[]): string {
  return v5(path.join('/'), NAMESPACE);
}

/**
 * A tenant as its `tenant.json` has it. Whatever is not named here is a value of its row, by the
 * name of the entity's property; the same of its bots, documents and so on.
 */
export type DemoTenant = RowValues<Tenant> & {
  slug: string;
  name: string;
  users: DemoUser[];
  apiKeys: DemoApiKey[];
  bots: DemoBot[];
};

type DemoUser = RowValues<User> & { email: string };

export type DemoApiKey = RowValues<ApiKey> & {
  name: string;
  scopes: ApiKeyScope[];
  rateLimitRpm: number;
  revoked: boolean;
  expiresInDays: number | null;
};

export type DemoBot = RowValues<Bot> & {
  slug: string;
  documents: DemoDocument[];
  queries: DemoQuery[];
};

type DemoDocument = RowValues<Document> & {
  /** Path of its text below the tenant's folder; null for a document that never got that far. */
  file: string | null;
  filename?: string;
  sizeBytes?: number;
  status: DocumentStatus;
  /** Of its chunks. */
  metadata?: Record<string, unknown>;
  pages?: boolean;
};

type DemoQuery = RowValues<BotQuery> & {
  sources: string[];
  apiKey: string | null;
  daysAgo: number;
};

/** The folder `demo/` of the package, from the source tree and from the build alike. */
function demoFolder(): string {
  const fromHere = import.meta.dirname;
  return fromHere.includes(`${join('dist', 'src')}`)
    ? join(fromHere, '../../../demo')
    : join(fromHere, '../../demo');
}

/** The demo tenants in order of their slugs. */
export function readDemoTenants(folder: string = demoFolder()): DemoTenant[] {
  const slugs = readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort();
  return slugs.map(slug => ({
    ...(JSON.parse(readFileSync(join(folder, slug, 'tenant.json'), 'utf8')) as DemoTenant),
    slug,
  }));
}

export function readDemoText(
  tenant: DemoTenant,
  file: string,
  folder: string = demoFolder(),
): string {
  return readFileSync(join(folder, tenant.slug, file), 'utf8');
}
