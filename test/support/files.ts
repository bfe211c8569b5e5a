import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import type { TestGateway } from './gateway.js';
import type { BotWorld } from './world.js';

/** A file that was received whole: its upload's id. */
export async function receivedFile(
  gateway: Pick<TestGateway, 'db' | 'world'>,
  bot: BotWorld,
  filename: string,
  text: string | Buffer,
): Promise<string> {
  const bytes = Buffer.from(text);
  const id = v7();
  await gateway.world.insert('uploads', {
    id,
    tenant_id: bot.tenant.id,
    bot_id: bot.id,
    filename,
    size_bytes: bytes.length,
    received_bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    state: 'received',
    token_digest: '0'.repeat(64),
    expires_at: '2100-01-01',
  });
  for (let part = 0; part * 1_048_576 < bytes.length; part += 1)
    await gateway.db.asSuperuser(
      `insert into upload_parts (tenant_id, upload_id, part_no, bytes)
       values (?, ?, ?, decode(?, 'hex'))`,
      [
        bot.tenant.id,
        id,
        part,
        bytes.subarray(part * 1_048_576, (part + 1) * 1_048_576).toString('hex'),
      ],
    );
  return id;
}

/** A Markdown text with so many sections, each of about a chunk. */
export function sections(count: number, word = 'tent'): string {
  return Array.from(
    { length: count },
    (_, index) =>
      `# Section ${index}\n\n` +
      `${`The ${word} number ${index} stands on the meadow behind the river. `.repeat(12)}\n`,
  ).join('\n');
}
