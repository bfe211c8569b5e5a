import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { badInput } from '../base/app-error.js';
import { runInWrite } from '../db/run-in-write.js';
import type { RequestContext } from '../graphql/context.js';
import { countBelow, DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { changeInput, namedChanges, nullableChangeInput } from '../graphql/input-checks.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import {
  botIdInput,
  errorMessageInput,
  filenameInput,
  sizeBytesInput,
  sourceUriInput,
} from './document-checks.js';
import {
  DeleteDocumentInput,
  UpdateDocumentInput,
  UpdateDocumentPayload,
} from './document-mutations.inputs.js';
import { Document, type DocumentStatus } from './document.entity.js';

type Columns = Record<string, string | number | null>;

/** The columns to write, by their names. */
function columnsOf(input: UpdateDocumentInput): Columns | undefined {
  return namedChanges<Columns>({
    bot_id: changeInput('input.botId', input.botId, botIdInput),
    filename: changeInput('input.filename', input.filename, filenameInput),
    gcs_path: nullableChangeInput(input.sourceUri, sourceUriInput),
    size_bytes: changeInput('input.sizeBytes', input.sizeBytes, sizeBytesInput),
    status: changeInput('input.status', input.status, (status: DocumentStatus) => status),
    error_message: nullableChangeInput(input.errorMessage, errorMessageInput),
  }) as Columns | undefined;
}

@Resolver()
export class DocumentMutationsResolver {
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
    const columns = columnsOf(input);
    const changed = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const { id, tenantId, sourceUri } = await lockedRow<{ sourceUri: string | null }>(
          em,
          context,
          Document,
          input,
          { properties: ['sourceUri'] },
        );
        if (
          columns?.size_bytes !== undefined &&
          ('gcs_path' in columns ? columns.gcs_path : sourceUri) === null
        ) {
          throw badInput(
            'input.sizeBytes',
            'input.sizeBytes is counted for text that was given inline: it cannot be set.',
          );
        }
        // As SQL: the unit of work cannot write a foreign key of which only one column changes.
        if (columns) {
          const settings = Object.keys(columns).map((column, index) => `${column} = $${index + 3}`);
          await runInWrite(
            em,
            `update docs set ${settings.join(', ')} where tenant_id = $1::uuid and id = $2::uuid`,
            [tenantId, id, ...Object.values(columns)],
          );
        }
        return { id, tenantId };
      },
    });
    return { document: await writtenRow(context, info, 'document', Document, changed) };
  }

  @Requires('write')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Deletes a document with its chunks.',
  })
  deleteDocument(
    @InputArg(() => DeleteDocumentInput) input: DeleteDocumentInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DeletionPayload> {
    return mutate<DeletionPayload>(context, info, {
      input,
      async work(em) {
        const document = await lockedRow(em, context, Document, input, { forDelete: true });
        const counts = await countBelow(em, context, info, 'document', document);
        await em.nativeDelete(Document, { id: document.id, tenant: document.tenantId });
        return { deletedId: document.id, counts };
      },
    });
  }
}
