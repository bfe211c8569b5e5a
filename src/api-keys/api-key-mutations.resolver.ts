import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { actorOf } from '../audit/record-audit.js';
import { lacking } from '../auth/permissions.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { Requires } from '../auth/requires.js';
import { AppError, badInput } from '../base/app-error.js';
import { runInWrite } from '../db/run-in-write.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { intInput, tenantInput, lineInput } from '../graphql/input-checks.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import {
  CreateApiKeyInput,
  CreateApiKeyPayload,
  MAX_NAME_LENGTH,
  MAX_OVERLAP_SECONDS,
  MAX_RATE_LIMIT,
  RevokeApiKeyInput,
  RevokeApiKeyPayload,
  RotateApiKeyInput,
  RotateApiKeyPayload,
} from './api-key-mutations.inputs.js';
import { ApiKey } from './api-key.entity.js';
import { revokeKey, rotateKey, storeKey, type KeyPlan, type MadeKey } from './change-keys.js';

type Power = Pick<KeyPlan, 'scopes' | 'rateLimitRpm' | 'expiresAt'>;

/** The secret is told once: what is kept for a repetition is without it. */
const withoutSecret = (made: MadeKey): MadeKey => ({ ...made, secret: null });

@Resolver()
export class ApiKeyMutationsResolver {
  @Requires('admin')
  @Mutation(() => CreateApiKeyPayload, {
    nullable: true,
    description: 'Makes an API key, with nothing that its maker has not.',
  })
  async createApiKey(
    @InputArg(() => CreateApiKeyInput) input: CreateApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateApiKeyPayload> {
    const plan: KeyPlan = {
      tenantId: tenantInput(context, input.tenantId),
      name: lineInput('input.name', input.name, MAX_NAME_LENGTH),
      scopes: [...new Set(input.scopes)],
      rateLimitRpm: intInput('input.rateLimitRpm', input.rateLimitRpm ?? 60, 1, MAX_RATE_LIMIT),
      expiresAt: input.expiresAt ?? null,
    };
    if (plan.scopes.length === 0)
      throw badInput('input.scopes', 'input.scopes is empty: a key without scopes opens nothing.');
    if (plan.expiresAt !== null && Date.parse(plan.expiresAt) <= Date.now())
      throw badInput('input.expiresAt', 'input.expiresAt is in the past.');
    const made = await mutate<MadeKey>(context, info, {
      input,
      async work(em) {
        await refuseToGiveMore(em, context, plan, 'input.');
        return storeKey(em, actorOf(context), plan);
      },
      remember: withoutSecret,
    });
    return { apiKey: await writtenRow(context, info, 'apiKey', ApiKey, made), secret: made.secret };
  }

  @Requires('admin')
  @Mutation(() => RotateApiKeyPayload, {
    nullable: true,
    description:
      'Gives an API key a new secret, beside which the old one goes on for a time. It ' +
      'takes whoever may make such a key.',
  })
  async rotateApiKey(
    @InputArg(() => RotateApiKeyInput) input: RotateApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RotateApiKeyPayload> {
    const overlapSeconds = intInput(
      'input.overlapSeconds',
      input.overlapSeconds,
      0,
      MAX_OVERLAP_SECONDS,
    );
    const made = await mutate<MadeKey>(context, info, {
      input,
      async work(em) {
        const key = await lockedRow<Power & { revoked: boolean; prefix: string | null }>(
          em,
          context,
          ApiKey,
          input,
          { properties: ['scopes', 'rateLimitRpm', 'expiresAt', 'revoked', 'prefix'] },
        );
        if (key.revoked) throw conflict('This key was revoked. Make a new one.');
        if (key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now())
          throw conflict('This key has expired. Make a new one.');
        if (key.prefix === null && overlapSeconds > 0)
          throw conflict(
            'This key is of an older Weaver and was not used since: it can be rotated ' +
              'with overlapSeconds 0 only.',
          );
        await refuseToGiveMore(em, context, key, '');
        return rotateKey(em, actorOf(context), key, overlapSeconds);
      },
      remember: withoutSecret,
    });
    return { apiKey: await writtenRow(context, info, 'apiKey', ApiKey, made), secret: made.secret };
  }

  @Requires('admin')
  @Mutation(() => RevokeApiKeyPayload, {
    nullable: true,
    description:
      'Withdraws an API key for good: the next request with it is refused by every ' +
      'gateway. To do so again changes nothing.',
  })
  async revokeApiKey(
    @InputArg(() => RevokeApiKeyInput) input: RevokeApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RevokeApiKeyPayload> {
    const revoked = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const {
          id,
          tenantId,
          revoked: already,
        } = await lockedRow<{ revoked: boolean }>(em, context, ApiKey, input, {
          properties: ['revoked'],
        });
        if (!already) await revokeKey(em, actorOf(context), { id, tenantId });
        return { id, tenantId };
      },
    });
    return { apiKey: await writtenRow(context, info, 'apiKey', ApiKey, revoked) };
  }
}

/**
 * Nobody gets a secret that may do more than they: neither in what it opens, nor in how often, nor
 * for how long. `path` leads to the input that asks for it; empty where it is the key that is
 * there.
 */
async function refuseToGiveMore(
  em: SqlEntityManager,
  { principal }: RequestContext,
  { scopes, rateLimitRpm, expiresAt }: Power,
  path: 'input.' | '',
): Promise<void> {
  const refused = (field: string, message: string): AppError =>
    new AppError('FORBIDDEN', message, { field: path ? path + field : 'input.id' });
  const missing = lacking(principal, scopes as ApiKeyScope[]);
  if (missing.length > 0)
    throw refused(
      'scopes',
      `The key would have ${missing.map(scope => scope.toUpperCase()).join(', ')}, which ` +
        'you do not have.',
    );
  if (principal.kind !== 'apiKey') return;
  // Read again, and held until the end: the caller's own key may have been revoked since the
  // request came.
  const [maker] = await runInWrite<{ rateLimitRpm: number; outlived: boolean }>(
    em,
    `select rate_limit_rpm as "rateLimitRpm",
            coalesce(expires_at < coalesce($1::timestamptz, 'infinity'), false) as outlived
       from api_keys
      where tenant_id = $2::uuid and id = $3::uuid and not revoked
        for share`,
    [expiresAt, principal.tenantId, principal.keyId],
  );
  if (!maker) throw new AppError('FORBIDDEN', 'Your own key was revoked.');
  if (rateLimitRpm > maker.rateLimitRpm)
    throw refused(
      'rateLimitRpm',
      `The key would make more requests a minute than yours, which makes ${maker.rateLimitRpm}.`,
    );
  if (maker.outlived) throw refused('expiresAt', 'The key would outlive yours.');
}

function conflict(message: string): AppError {
  return new AppError('CONFLICT', message, { field: 'input.id' });
}
