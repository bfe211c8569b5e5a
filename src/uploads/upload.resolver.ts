import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows, rowById } from '../graphql/row-by-id.js';
import { BigIntScalar } from '../graphql/scalars.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { acceptedContentTypes } from '../extraction/formats.js';
import { uploadUrl } from './upload-url.js';
import { Upload } from './upload.entity.js';

@Resolver(() => Upload)
export class UploadResolver {
  @Requires('read')
  @Query(() => Upload, {
    nullable: true,
    description:
      'An upload by its id. Null if your tenant has no upload with this id, or no longer.',
  })
  upload(
    @Arg('id', () => ID, { description: "The upload's UUID." }) id: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Upload | null> {
    return rowById(context, info, Upload, uuidInput('id', id));
  }

  @Requires('read', 'write')
  @FieldResolver(() => String, {
    description:
      'Where to send the file: the whole by PUT, or in parts by tus 1.0. A path of this gateway ' +
      'unless WEAVER_PUBLIC_URL is set.',
  })
  url(@Root() { id }: Parent, @Ctx() context: RequestContext): string {
    return uploadUrl(context.uploads, id);
  }

  @Requires('read', 'write')
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'The token to send the file with, as `Authorization: Bearer <token>`. It is in the answer ' +
      'of `createUpload` and cannot be read again. Null elsewhere, and if the call repeats an ' +
      'idempotency key.',
  })
  token(@Root() { token }: { token?: string | null }): string | null {
    return token ?? null;
  }

  @Requires('read', 'write')
  @FieldResolver(() => BigIntScalar, { description: 'Bytes that a file may have.' })
  maxBytes(@Ctx() context: RequestContext): string {
    return String(context.uploads.maxBytes);
  }

  @Requires('read', 'write')
  @FieldResolver(() => [String], { description: 'The media types of files that are accepted.' })
  accepts(): readonly string[] {
    return acceptedContentTypes;
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Bot, { description: 'The bot that will answer from the file.' })
  bot(
    @Root() parents: readonly (Parent & { botId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Bot | null)[]> {
    return relatedRows(context, info, Bot, parents, 'botId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that the file belongs to.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
