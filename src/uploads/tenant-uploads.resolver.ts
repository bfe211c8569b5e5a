import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList, type Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Upload } from './upload.entity.js';
import { UploadListArgs } from './upload.inputs.js';

const UploadConnection = connectionOf(Upload, 'uploads');
const uploads = defineList({ name: 'uploads', entity: Upload, defaultOrder: NEWEST_FIRST });

/** Adds `Tenant.uploads`. */
@Resolver(() => Tenant)
export class TenantUploadsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => UploadConnection, {
    description: 'The files that come in, and those that documents were made of.',
  })
  uploads(
    @Root() parents: readonly Parent[],
    @Args(() => UploadListArgs) args: UploadListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Upload>[]> {
    return uploads.pages(context, info, args, parents);
  }
}
