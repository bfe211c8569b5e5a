import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v5 } from 'uuid';
import type { CreateApiKeyInput } from '../api-keys/api-key-mutations.inputs.js';
import type { RecordBotQueryInput } from '../bot-queries/bot-query-mutations.inputs.js';
import type { CreateBotInput } from '../bots/bot-mutations.inputs.js';
import type { CreateDocumentInput } from '../documents/document-mutations.inputs.js';
import type { CreateTenantInput } from '../tenants/tenant-mutations.inputs.js';
import type { CreateUserInput } from '../users/user-mutations.inputs.js';

/**
 * Demo objects other than chunks have the same ids on every machine, so that operations and
 * documentation can name them.
 */
const NAMESPACE = '5b0c1f0a-6f7e-4a52-9d35-2f0f4d1c7e11';

export function demoId(...path: readonly string[]): string {
  return v5(path.join('/'), NAMESPACE);
}

/**
 * A tenant as its `tenant.json` describes it: the input of the mutation that creates it, with what
 * belongs to it. The same holds for its bots, documents and so on.
 */
export type DemoTenant = CreateTenantInput & {
  slug: string;
  name: string;
  users: DemoUser[];
  apiKeys: DemoApiKey[];
  bots: DemoBot[];
};

type DemoUser = CreateUserInput & { email: string };

export type DemoApiKey = CreateApiKeyInput & {
  name: string;
  revoked: boolean;
  expiresInDays: number | null;
};

export type DemoBot = CreateBotInput & {
  slug: string;
  documents: DemoDocument[];
  queries: DemoQuery[];
};

export type DemoDocument = CreateDocumentInput & {
  /** Path of its text below the tenant's folder; null for a document that could not be read. */
  file: string | null;
  /** Metadata of its chunks. */
  metadata?: Record<string, unknown>;
  /** Whether its chunks have page numbers. */
  pages?: boolean;
  errorMessage?: string;
};

type DemoQuery = Omit<RecordBotQueryInput, 'sources'> & {
  sources: string[];
  /** Name of the key that recorded it. */
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
