import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateDocumentInput,
  CreateDocumentPayload,
  DeleteDocumentInput,
  ReprocessDocumentInput,
  ReprocessDocumentPayload,
  UpdateDocumentInput,
  UpdateDocumentPayload,
} from './document-mutations.inputs.js';
import { Document } from './document.entity.js';
import {
  createDocument,
  deleteDocument,
  reprocessDocument,
  updateDocument,
} from './document.service.js';

@Resolver()
export class DocumentMutationsResolver {
  @Requires('write')
  @Mutation(() => CreateDocumentPayload, {
    nullable: true,
    description:
      'Adds a document to a bot, with its text or with the address of a file whose ' +
      'chunks another program adds.',
  })
  async createDocument(
    @InputArg(() => CreateDocumentInput) input: CreateDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateDocumentPayload> {
    const made = await createDocument(context, context.caller, input);
    return { document: await payloadRow(context, info, 'document', Document, made) };
  }

  @Requires('write')
  @Mutation(() => UpdateDocumentPayload, {
    nullable: true,
    description: 'Changes a document, or moves it with its chunks to another bot.',
  })
  async updateDocument(
    @InputArg(() => UpdateDocumentInput) input: UpdateDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateDocumentPayload> {
    const changed = await updateDocument(context, context.caller, input);
    return { document: await payloadRow(context, info, 'document', Document, changed) };
  }

  @Requires('write')
  @Mutation(() => ReprocessDocumentPayload, {
    nullable: true,
    description:
      'Replaces the text of a document. All chunks are replaced in one step: a search ' +
      'finds either the old or the new ones. The document is then `COMPLETED`.',
  })
  async reprocessDocument(
    @InputArg(() => ReprocessDocumentInput) input: ReprocessDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ReprocessDocumentPayload> {
    const changed = await reprocessDocument(context, context.caller, input);
    return { document: await payloadRow(context, info, 'document', Document, changed) };
  }

  @Requires('write')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Deletes a document with its chunks.',
  })
  deleteDocument(
    @InputArg(() => DeleteDocumentInput) input: DeleteDocumentInput,
    @Ctx() context: RequestContext,
  ): Promise<DeletionPayload> {
    return deleteDocument(context, context.caller, input);
  }
}
