import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateUploadInput,
  CreateUploadPayload,
  DeleteUploadInput,
} from './upload-mutations.inputs.js';
import { Upload } from './upload.entity.js';
import { createUpload, deleteUpload } from './upload.service.js';

@Resolver()
export class UploadMutationsResolver {
  @Requires('write')
  @Mutation(() => CreateUploadPayload, {
    nullable: true,
    description:
      'Gives an address and a token to send a file to, by PUT or resumably by tus. What could ' +
      'refuse the file before it is read does so now.',
  })
  async createUpload(
    @InputArg(() => CreateUploadInput) input: CreateUploadInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateUploadPayload> {
    const made = await createUpload(context, context.caller, input);
    const row = await payloadRow(context, info, 'upload', Upload, made);
    return { upload: { ...row, token: made.token } as Upload };
  }

  @Requires('write')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description:
      'Deletes an upload with the bytes that have come. A document that was made of it stays.',
  })
  deleteUpload(
    @InputArg(() => DeleteUploadInput) input: DeleteUploadInput,
    @Ctx() context: RequestContext,
  ): Promise<DeletionPayload> {
    return deleteUpload(context, context.caller, input);
  }
}
