import type { OperationReads } from '../db/operation-reads.js';
import type { RowKey } from '../db/read-model.js';
import { fixedStatement } from '../db/statement.js';

/** Bytes of a part. All parts of a file but the last are that long. */
export const PART_BYTES = 1_048_576;

// As text: reads take bytes for vectors.
const PART = fixedStatement(
  'uploadPart',
  `select encode(bytes, 'base64') as bytes from upload_parts
    where tenant_id = $1::uuid and upload_id = $2::uuid and part_no = $3::int`,
);

/** The parts of a file in their order, one in memory at a time. */
export async function* storedParts(
  reads: Pick<OperationReads, 'query'>,
  { id, tenantId }: RowKey,
): AsyncGenerator<Buffer> {
  for (let partNo = 0; ; partNo += 1) {
    const [part] = await reads.query<{ bytes: string }>(PART, [tenantId, id, partNo]);
    if (!part) return;
    yield Buffer.from(part.bytes, 'base64');
  }
}
