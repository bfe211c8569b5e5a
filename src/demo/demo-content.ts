import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v5 } from 'uuid';

/**
 * Demo objects have the same ids on every machine, so that ready operations and documentation can
 * name them.
 */
const NAMESPACE = '5b0c1f0a-6f7e-4a52-9d35-2f0f4d1c7e11';

export function demoId(...path: readonly string[]): string {
  return v5(path.join('/'), NAMESPACE);
}

export interface DemoTenant {
  slug: string;
  name: string;
  planTier: string;
  users: { email: string; role: string }[];
  apiKeys: {
    name: string;
    scopes: string[];
    rateLimitRpm: number;
    revoked: boolean;
    expiresInDays: number | null;
  }[];
  bots: DemoBot[];
}

export interface DemoBot {
  slug: string;
  name: string;
  config: Record<string, unknown>;
  documents: DemoDocument[];
  queries: DemoQuery[];
}

export interface DemoDocument {
  /** Path of its text below the tenant's folder; null for a document that never got that far. */
  file: string | null;
  filename?: string;
  sourceUri?: string;
  sizeBytes?: number;
  metadata?: Record<string, unknown>;
  pages?: boolean;
  status: string;
  errorMessage?: string;
}

interface DemoQuery {
  query: string;
  answer: string;
  confidence: string;
  latencyMs: number;
  sources: string[];
  apiKey: string | null;
  daysAgo: number;
}

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
    ...(JSON.parse(readFileSync(join(folder, slug, 'tenant.json'), 'utf8')) as Omit<
      DemoTenant,
      'slug'
    >),
    slug,
  }));
}

export function readDemoText(
  tenant: DemoTenant,
  document: DemoDocument,
  folder: string = demoFolder(),
): string {
  return readFileSync(join(folder, tenant.slug, document.file!), 'utf8');
}
