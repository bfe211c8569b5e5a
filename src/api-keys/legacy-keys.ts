import { parseOptions, verify } from '@node-rs/argon2';
import type { Logger } from 'pino';
import { AuditActorKind } from '../auth/caller.js';
import { recordAudit } from '../writes/audit.js';
import type { AuthRequest } from '../auth/authenticate.js';
import { AppError } from '../base/app-error.js';
import type { Database } from '../db/database.js';
import { tenantScope } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import { fixedStatement } from '../db/statement.js';
import { networkOf } from '../rate-limits/network-of.js';
import { hashOf, legacyPrefixOf } from './key-format.js';

/** Hashes of one tenant that one attempt is tried against. */
const MAX_CANDIDATES = 20;
/**
 * Attempts that verify at a time in the whole process, each on one thread, and those that may wait
 * for their turn.
 */
const MAX_RUNNING = 2;
const MAX_WAITING = 8;
/** Attempts from one address in a minute, and addresses that are remembered. */
const ATTEMPTS_PER_MINUTE = 10;
const MAX_ADDRESSES = 10_000;
const MINUTE_MS = 60_000;

/**
 * What a stored hash may ask of us: memory in KiB, passes, lanes. Others are not tried: a row must
 * not be able to stall the gateway.
 */
const MAX_MEMORY_KIB = 128 * 1024;
const MAX_PASSES = 10;
const MAX_LANES = 16;
const MAX_HASH_LENGTH = 255;

interface Candidate {
  id: string;
  key_hash: string;
}

const CANDIDATES = fixedStatement(
  'legacyApiKeys',
  `select id, key_hash from api_keys
    where tenant_id = $1::uuid and key_prefix is null and not revoked
      and (expires_at is null or expires_at > now())
    order by last_used_at desc nulls last, created_at, id limit ${MAX_CANDIDATES}`,
);

// The digest itself is not asked about: the tenant's role may not read it, and a key without a
// prefix has none but the old one.
const UPGRADE =
  'update api_keys set key_prefix = $1, key_hash = $2 where tenant_id = $3::uuid ' +
  'and id = $4::uuid and key_prefix is null and not revoked returning 1';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Keys of an older Weaver, stored as Argon2id hashes without a prefix, so that a key can be found
 * only by verifying it against each hash. That is expensive by design, so the request must name the
 * tenant, and attempts are few, one after the other, and limited by address. A key that is found is
 * stored in the new format at once, and found by its prefix from then on.
 */
export class LegacyKeys {
  readonly #attempts = new Map<string, { count: number; expiresAt: number }>();
  readonly #waitingVerifications: (() => void)[] = [];
  #activeVerifications = 0;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {}

  /**
   * Stores the key in the new format if it belongs to the tenant that the request names; the caller
   * must then look it up again. Throws `RATE_LIMITED`.
   */
  async adopt(token: string, { headers, address, lookUp }: AuthRequest): Promise<void> {
    const tenantId = String(headers['x-tenant-id'] ?? '').trim();
    if (!UUID.test(tenantId)) return;
    this.#countAttempt(address);
    await this.#withConcurrencyLimit(async () => {
      const candidates = await lookUp.query<Candidate>(CANDIDATES, [tenantId]);
      for (const { id, key_hash } of candidates) {
        if (await this.#matches(key_hash, token)) return this.#upgrade(tenantId, id, token);
      }
    });
  }

  async #matches(hash: string, token: string): Promise<boolean> {
    if (!hasAcceptableCost(hash)) return false;
    try {
      return await verify(hash, token);
    } catch (error) {
      this.log.warn({ err: error }, 'A stored hash of an API key cannot be read');
      return false;
    }
  }

  async #upgrade(tenantId: string, id: string, token: string): Promise<void> {
    const prefix = legacyPrefixOf(token)!;
    await this.database.write('upgradeApiKey', tenantScope(tenantId), async em => {
      const upgraded = await runInWrite(em, UPGRADE, [prefix, hashOf(token), tenantId, id]);
      // Another request with the same key may have come first.
      if (upgraded.length > 0)
        await recordAudit(
          em,
          { kind: AuditActorKind.API_KEY, id },
          {
            tenantId,
            action: 'upgradeApiKey',
            targetType: 'ApiKey',
            targetId: id,
            details: { prefix },
          },
        );
    });
  }

  /**
   * Counts the attempts of each address in a window of a minute. Beyond `MAX_ADDRESSES`, the oldest
   * counters are dropped.
   */
  #countAttempt(address: string): void {
    const now = performance.now();
    const name = networkOf(address);
    let attempts = this.#attempts.get(name);
    if (!attempts || attempts.expiresAt <= now) {
      this.#attempts.delete(name);
      if (this.#attempts.size >= MAX_ADDRESSES)
        this.#attempts.delete(this.#attempts.keys().next().value!);
      this.#attempts.set(name, (attempts = { count: 0, expiresAt: now + MINUTE_MS }));
    }
    if (attempts.count === ATTEMPTS_PER_MINUTE)
      throw tooManyAttempts(Math.ceil(attempts.expiresAt - now));
    attempts.count += 1;
  }

  async #withConcurrencyLimit(work: () => Promise<void>): Promise<void> {
    if (this.#activeVerifications === MAX_RUNNING) {
      if (this.#waitingVerifications.length === MAX_WAITING) throw tooManyAttempts(1_000);
      // The next waiting attempt takes over directly, so that a new one cannot come before it.
      await new Promise<void>(resolve => this.#waitingVerifications.push(resolve));
    } else {
      this.#activeVerifications += 1;
    }
    try {
      await work();
    } finally {
      const next = this.#waitingVerifications.shift();
      if (next) next();
      else this.#activeVerifications -= 1;
    }
  }
}

function hasAcceptableCost(hash: string): boolean {
  if (hash.length > MAX_HASH_LENGTH || !hash.startsWith('$argon2id$')) return false;
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(hash);
    return memoryCost <= MAX_MEMORY_KIB && timeCost <= MAX_PASSES && parallelism <= MAX_LANES;
  } catch {
    return false;
  }
}

function tooManyAttempts(retryAfterMs: number): AppError {
  return new AppError(
    'RATE_LIMITED',
    'Too many attempts with keys of an older kind. Try again later.',
    { retryAfterMs },
  );
}
