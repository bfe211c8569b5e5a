import { v7 } from 'uuid';
import { newKey } from '../../src/api-keys/key-format.js';
import { storeChunks, type NewChunk } from '../../src/chunking/store-chunks.js';
import { storeFirstText, type SplitDocument } from '../../src/documents/document-texts.js';
import type { Database } from '../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../src/db/database-scope.js';

/** Made-up rows for tests, written as the operator. Names are unique unless given. */
export class World {
  constructor(readonly database: Database) {}

  async tenant(values: { name?: string; planTier?: string } = {}): Promise<TenantWorld> {
    const id = v7();
    await this.insert('tenants', {
      id,
      name: values.name ?? `Tenant ${id.slice(-4)}`,
      plan_tier: values.planTier ?? 'free',
    });
    return new TenantWorld(this, id);
  }

  /**
   * Inserts a row and gives its id. Values of other types than text, number and boolean are given
   * as text that PostgreSQL reads.
   */
  async insert(table: string, values: Record<string, unknown>): Promise<string> {
    const entries = Object.entries({ id: v7(), ...values }).filter(
      ([, value]) => value !== undefined,
    );
    const columns = entries.map(([column]) => column).join(', ');
    const placeholders = entries.map(() => '?').join(', ');
    await this.database.write('testWorld', OPERATOR_SCOPE, em =>
      em.execute(
        `insert into ${table} (${columns}) values (${placeholders})`,
        entries.map(([, value]) => value),
      ),
    );
    return entries.find(([column]) => column === 'id')![1] as string;
  }
}

export class TenantWorld {
  constructor(
    readonly world: World,
    readonly id: string,
  ) {}

  async bot(values: Record<string, unknown> = {}): Promise<BotWorld> {
    return new BotWorld(
      this,
      await this.world.insert('bots', { tenant_id: this.id, name: 'Bot', ...values }),
    );
  }

  user(values: Record<string, unknown> = {}): Promise<string> {
    return this.world.insert('profiles', {
      tenant_id: this.id,
      email: `${v7()}@example.com`,
      ...values,
    });
  }

  /** A new key's secret and id. */
  async key(
    values: {
      scopes?: string[];
      revoked?: boolean;
      expires_at?: string;
      name?: string;
      rate_limit_rpm?: number;
    } = {},
  ): Promise<{ id: string; secret: string }> {
    const { secret, prefix, hash } = newKey();
    const { scopes = ['read', 'search'], ...others } = values;
    const id = await this.world.insert('api_keys', {
      tenant_id: this.id,
      name: 'Test key',
      key_prefix: prefix,
      key_hash: hash,
      scopes: `{${scopes.join()}}`,
      rate_limit_rpm: 1_000_000,
      ...others,
    });
    return { id, secret };
  }
}

export class BotWorld {
  constructor(
    readonly tenant: TenantWorld,
    readonly id: string,
  ) {}

  async document(values: Record<string, unknown> = {}): Promise<DocumentWorld> {
    const id = await this.tenant.world.insert('docs', {
      tenant_id: this.tenant.id,
      bot_id: this.id,
      filename: `${v7()}.md`,
      size_bytes: 100,
      status: 'completed',
      ...values,
    });
    return new DocumentWorld(this, id);
  }

  /** A file that has come whole, though nobody has its bytes. */
  receivedUpload(values: Record<string, unknown> = {}): Promise<string> {
    return this.upload({
      received_bytes: 100,
      sha256: '0'.repeat(64),
      state: 'received',
      ...values,
    });
  }

  /** A file that nothing has come of. */
  upload(values: Record<string, unknown> = {}): Promise<string> {
    return this.tenant.world.insert('uploads', {
      tenant_id: this.tenant.id,
      bot_id: this.id,
      filename: `${v7()}.pdf`,
      size_bytes: 100,
      token_digest: '0'.repeat(64),
      expires_at: '2100-01-01T00:00:00Z',
      ...values,
    });
  }

  query(values: Record<string, unknown> = {}): Promise<string> {
    return this.tenant.world.insert('bot_queries', {
      tenant_id: this.tenant.id,
      bot_id: this.id,
      query: 'What?',
      answer: 'That.',
      ...values,
    });
  }
}

export class DocumentWorld {
  constructor(
    readonly bot: BotWorld,
    readonly id: string,
  ) {}

  chunks(chunks: NewChunk[]): Promise<string[]> {
    const { tenant } = this.bot;
    return tenant.world.database.write('testChunks', OPERATOR_SCOPE, em =>
      storeChunks(em, { id: this.id, tenantId: tenant.id }, chunks),
    );
  }

  /** Its text with the chunks of it, which have places there. */
  text(split: SplitDocument): Promise<void> {
    const { tenant } = this.bot;
    return tenant.world.database.write('testText', OPERATOR_SCOPE, em =>
      storeFirstText(em, { id: this.id, tenantId: tenant.id }, split),
    );
  }

  /** An ingestion for it that was cancelled: whether it began or not, nobody works on it. */
  ingestion(values: Record<string, unknown> = {}): Promise<string> {
    const { tenant } = this.bot;
    return tenant.world.insert('ingestions', {
      tenant_id: tenant.id,
      doc_id: this.id,
      filename: `${v7()}.pdf`,
      size_bytes: 100,
      content_sha256: '0'.repeat(64),
      kind: 'replace',
      revision: 1,
      state: 'cancelled',
      ...values,
    });
  }

  /** `count` chunks of plain text without vectors. */
  texts(count: number): Promise<string[]> {
    return this.chunks(
      Array.from({ length: count }, (_, index) => ({
        text: `Passage ${index}`,
        chunkIndex: index,
        embedding: null,
      })),
    );
  }
}
