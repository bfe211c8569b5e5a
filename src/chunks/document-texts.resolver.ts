import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { v7 } from 'uuid';
import { Requires } from '../auth/requires.js';
import { badInput } from '../base/app-error.js';
import { Bot } from '../bots/bot.entity.js';
import { runInWrite } from '../db/run-in-write.js';
import {
  botIdInput,
  documentSource,
  documentTextInput,
  filenameInput,
} from '../documents/document-checks.js';
import {
  CreateDocumentInput,
  CreateDocumentPayload,
  ReprocessDocumentInput,
  ReprocessDocumentPayload,
} from '../documents/document-mutations.inputs.js';
import { Document } from '../documents/document.entity.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { jsonInput, tenantInput } from '../graphql/input-checks.js';
import { knownRow } from '../graphql/known-row.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { chunksOfText } from './prepare-chunks.js';
import { storeChunks, type NewChunk } from './store-chunks.js';

/** The mutations of documents that make chunks of a text. */
@Resolver()
export class DocumentTextsResolver {
  @Requires('write')
  @Mutation(() => CreateDocumentPayload, {
    nullable: true,
    description:
      'Adds a document to a bot, with its text or for a file whose chunks another program adds.',
  })
  async createDocument(
    @InputArg(() => CreateDocumentInput) input: CreateDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateDocumentPayload> {
    const document = {
      id: v7(),
      tenantId: tenantInput(context, input.tenantId),
      botId: input.botId == null ? null : botIdInput(input.botId),
      filename: filenameInput(input.filename),
    };
    const source = documentSource(input);
    const metadata = input.metadata == null ? {} : jsonInput('input.metadata', input.metadata);
    if (input.metadata != null && !('text' in source))
      throw badInput(
        'input.metadata',
        'input.metadata is noted on the chunks of input.text, which is not given.',
      );
    const made = await mutate<Written, NewChunk[]>(context, info, {
      input,
      async prepare() {
        if (!('text' in source)) return [];
        if (document.botId !== null)
          await knownRow(context, Bot, 'bot', document.botId, 'input.botId');
        return chunksOfText(source.text, context);
      },
      async work(em, chunks) {
        if ('text' in source) {
          await insertDocument(em, {
            ...document,
            sourceUri: null,
            sizeBytes: 0,
            status: 'processing',
          });
          await storeChunks(
            em,
            document,
            chunks.map(chunk => ({ ...chunk, metadata })),
          );
          await completeDocument(em, document, Buffer.byteLength(source.text));
        } else {
          await insertDocument(em, { ...document, ...source });
        }
        return { id: document.id, tenantId: document.tenantId };
      },
    });
    return { document: await writtenRow(context, info, 'document', Document, made) };
  }

  @Requires('write')
  @Mutation(() => ReprocessDocumentPayload, {
    nullable: true,
    description:
      'Gives a document a new text: its chunks are replaced at one stroke, so that a ' +
      'search finds the old or the new ones, never both or none. The document is then ' +
      '`COMPLETED`.',
  })
  async reprocessDocument(
    @InputArg(() => ReprocessDocumentInput) input: ReprocessDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ReprocessDocumentPayload> {
    const id = uuidInput('input.id', input.id);
    const text = documentTextInput(input.text);
    const given = input.metadata == null ? undefined : jsonInput('input.metadata', input.metadata);
    const changed = await mutate<Written, NewChunk[]>(context, info, {
      input,
      async prepare() {
        await knownRow(context, Document, 'document', id, 'input.id');
        return chunksOfText(text, context);
      },
      async work(em, chunks) {
        const document = await lockedRow<{ sourceUri: string | null }>(
          em,
          context,
          Document,
          input,
          { properties: ['sourceUri'] },
        );
        const metadata = given ?? (await firstMetadata(em, document));
        await runInWrite(
          em,
          'delete from doc_chunks where tenant_id = $1::uuid and doc_id = $2::uuid',
          [document.tenantId, id],
        );
        await storeChunks(
          em,
          document,
          chunks.map(chunk => ({ ...chunk, metadata })),
        );
        // The size of a file that lies elsewhere is not that of its text.
        await completeDocument(
          em,
          document,
          document.sourceUri === null ? Buffer.byteLength(text) : null,
        );
        return { id, tenantId: document.tenantId };
      },
    });
    return { document: await writtenRow(context, info, 'document', Document, changed) };
  }
}

interface NewDocument {
  readonly id: string;
  readonly tenantId: string;
  /** Null for the tenant's oldest bot, which the database chooses. */
  readonly botId: string | null;
  readonly filename: string;
  readonly sourceUri: string | null;
  readonly sizeBytes: number;
  readonly status: string;
}

async function insertDocument(
  em: SqlEntityManager,
  { id, tenantId, botId, filename, sourceUri, sizeBytes, status }: NewDocument,
): Promise<void> {
  await runInWrite(
    em,
    'insert into docs (id, tenant_id, bot_id, filename, gcs_path, size_bytes, status) ' +
      'values ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7)',
    [id, tenantId, botId, filename, sourceUri, sizeBytes, status],
  );
}

/**
 * The size comes last of all: it is counted in the tenant's row, for which others would wait while
 * chunks are stored.
 */
async function completeDocument(
  em: SqlEntityManager,
  { id, tenantId }: Written,
  sizeBytes: number | null,
): Promise<void> {
  await runInWrite(
    em,
    `update docs set status = 'completed', error_message = null,
            size_bytes = coalesce($1::bigint, size_bytes)
      where tenant_id = $2::uuid and id = $3::uuid`,
    [sizeBytes, tenantId, id],
  );
}

async function firstMetadata(
  em: SqlEntityManager,
  { id, tenantId }: Written,
): Promise<Record<string, unknown>> {
  const [first] = await runInWrite<{ metadata: Record<string, unknown> }>(
    em,
    'select chunk_metadata as metadata from doc_chunks where tenant_id = $1::uuid ' +
      'and doc_id = $2::uuid order by chunk_index, id limit 1',
    [tenantId, id],
  );
  return first?.metadata ?? {};
}
