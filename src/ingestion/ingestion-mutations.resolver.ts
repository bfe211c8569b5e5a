import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CancelIngestionInput,
  CancelIngestionPayload,
  IngestUploadInput,
  IngestUploadPayload,
  RetryIngestionInput,
  RetryIngestionPayload,
} from './ingestion-mutations.inputs.js';
import { Ingestion } from './ingestion.entity.js';
import { cancelIngestion, ingestUpload, retryIngestion } from './ingestion.service.js';
import { duplicateRow } from './duplicates.js';

@Resolver()
export class IngestionMutationsResolver {
  @Requires('write')
  @Mutation(() => IngestUploadPayload, {
    nullable: true,
    description:
      'Begins to make a document of an uploaded file, or to replace the text of one. Answers at ' +
      'once; the file is read, split and embedded in the background.',
  })
  async ingestUpload(
    @InputArg(() => IngestUploadInput) input: IngestUploadInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<IngestUploadPayload> {
    const { document, ingestion, duplicateOf } = await ingestUpload(context, context.caller, input);
    return {
      document: await payloadRow(context, info, 'document', Document, document),
      ingestion: await payloadRow(context, info, 'ingestion', Ingestion, ingestion),
      duplicateOf: await duplicateRow(context, info, duplicateOf),
    };
  }

  @Requires('write')
  @Mutation(() => RetryIngestionPayload, {
    nullable: true,
    description: 'Begins an ingestion again that is `FAILED` or `CANCELLED`, where it stopped.',
  })
  async retryIngestion(
    @InputArg(() => RetryIngestionInput) input: RetryIngestionInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RetryIngestionPayload> {
    const changed = await retryIngestion(context, context.caller, input);
    return { ingestion: await payloadRow(context, info, 'ingestion', Ingestion, changed) };
  }

  @Requires('write')
  @Mutation(() => CancelIngestionPayload, {
    nullable: true,
    description:
      'Ends an ingestion that is `QUEUED` or `RUNNING`. No chunk of its file appears afterwards.',
  })
  async cancelIngestion(
    @InputArg(() => CancelIngestionInput) input: CancelIngestionInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CancelIngestionPayload> {
    const changed = await cancelIngestion(context, context.caller, input);
    return { ingestion: await payloadRow(context, info, 'ingestion', Ingestion, changed) };
  }
}
