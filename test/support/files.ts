import { createHash } from 'node:crypto';
import type { TestDatabase } from './database.js';
import type { BotWorld } from './world.js';

const PART = 1_048_576;

/** A file that was received whole: its upload's id. */
export async function receivedFile(
  db: Pick<TestDatabase, 'asSuperuser'>,
  bot: BotWorld,
  filename: string,
  content: string | Buffer,
): Promise<string> {
  const bytes = Buffer.from(content);
  const id = await bot.tenant.world.insert('uploads', {
    tenant_id: bot.tenant.id,
    bot_id: bot.id,
    filename,
    size_bytes: bytes.length,
    received_bytes: bytes.length,
    sha256: sha256(bytes),
    state: 'received',
    token_digest: '0'.repeat(64),
    expires_at: '2100-01-01',
  });
  for (let part = 0; part * PART < bytes.length; part += 1)
    await db.asSuperuser(
      `insert into upload_parts (tenant_id, upload_id, part_no, bytes)
       values (?, ?, ?, decode(?, 'hex'))`,
      [bot.tenant.id, id, part, bytes.subarray(part * PART, (part + 1) * PART).toString('hex')],
    );
  return id;
}

const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

/** A Markdown text with so many sections, each of about a chunk. */
export function sections(count: number, word = 'tent'): string {
  return Array.from(
    { length: count },
    (_, index) =>
      `# Section ${index}\n\n` +
      `${`The ${word} number ${index} stands on the meadow behind the river. `.repeat(12)}\n`,
  ).join('\n');
}
