import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateApiKeyInput,
  CreateApiKeyPayload,
  RevokeApiKeyInput,
  RevokeApiKeyPayload,
  RotateApiKeyInput,
  RotateApiKeyPayload,
} from './api-key-mutations.inputs.js';
import { ApiKey } from './api-key.entity.js';
import { createApiKey, revokeApiKey, rotateApiKey } from './api-key.service.js';

@Resolver()
export class ApiKeyMutationsResolver {
  @Requires('admin')
  @Mutation(() => CreateApiKeyPayload, {
    nullable: true,
    description: 'Creates an API key. Nobody can grant more than they have.',
  })
  async createApiKey(
    @InputArg(() => CreateApiKeyInput) input: CreateApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateApiKeyPayload> {
    const created = await createApiKey(context, context.caller, input);
    const apiKey = await payloadRow(context, info, 'apiKey', ApiKey, created);
    return { apiKey, secret: created.secret };
  }

  @Requires('admin')
  @Mutation(() => RotateApiKeyPayload, {
    nullable: true,
    description:
      'Gives an API key a new secret; the old one continues to work for a time. Requires ' +
      'the permissions needed to create the key.',
  })
  async rotateApiKey(
    @InputArg(() => RotateApiKeyInput) input: RotateApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RotateApiKeyPayload> {
    const created = await rotateApiKey(context, context.caller, input);
    const apiKey = await payloadRow(context, info, 'apiKey', ApiKey, created);
    return { apiKey, secret: created.secret };
  }

  @Requires('admin')
  @Mutation(() => RevokeApiKeyPayload, {
    nullable: true,
    description:
      'Revokes an API key permanently. Every gateway refuses the next request with it. ' +
      'Revoking it again changes nothing.',
  })
  async revokeApiKey(
    @InputArg(() => RevokeApiKeyInput) input: RevokeApiKeyInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RevokeApiKeyPayload> {
    const changed = await revokeApiKey(context, context.caller, input);
    return { apiKey: await payloadRow(context, info, 'apiKey', ApiKey, changed) };
  }
}
