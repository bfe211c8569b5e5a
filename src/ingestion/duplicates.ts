import type { GraphQLResolveInfo } from 'graphql';
import type { RowKey } from '../db/read-model.js';
import { Document } from '../documents/document.entity.js';
import type { RequestContext } from '../graphql/context.js';
import { payloadRow } from '../graphql/row-by-id.js';

/** What is selected in `duplicateOf` of a payload. */
export async function duplicateRow(
  context: RequestContext,
  info: GraphQLResolveInfo,
  duplicate: RowKey | null,
): Promise<Document | null> {
  return duplicate && payloadRow(context, info, 'duplicateOf', Document, duplicate);
}
