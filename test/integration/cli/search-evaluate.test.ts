import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { createEmbedder } from '../../../src/embedders/create-embedder.js';
import { ENTITIES } from '../../../src/entities.js';
import { freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import { World } from '../../support/world.js';

let fresh: FreshDatabase;
let folder: string;
let rightChunk: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-evaluate-'));
  fresh = await freshDatabase({ migrated: true });
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  const tenant = await new World(database).tenant({ name: 'Shop' });
  const embedder = createEmbedder({ provider: 'hashing' });
  const bots = {
    Help: await tenant.bot({ name: 'Help' }),
    Staff: await tenant.bot({ name: 'Staff' }),
  };
  const store = async (bot: 'Help' | 'Staff', filename: string, text: string): Promise<string> => {
    const document = await bots[bot].document({ filename });
    const [embedding] = await embedder.embed([text]);
    return (await document.chunks([{ text, chunkIndex: 0, embedding: embedding! }]))[0]!;
  };
  rightChunk = await store('Help', 'refunds.md', 'Refunds arrive within five business days.');
  await store('Help', 'tents.md', 'Dry a tent before you store it.');
  await store('Staff', 'tills.md', 'Count the refunds of the day, refunds by card, and sign.');
  await store(
    'Staff',
    'mould.md',
    'A tent that was put away wet smells. Air the tent, dry the tent.',
  );
  await database.close();
}, 120_000);
afterAll(async () => {
  await fresh.close();
  rmSync(folder, { recursive: true, force: true });
});

function evaluate(questions: unknown, ...args: string[]): ReturnType<typeof weaver> {
  const file = join(folder, 'questions.json');
  writeFileSync(file, typeof questions === 'string' ? questions : JSON.stringify(questions));
  return weaver(fresh.env, ['search', 'evaluate', file, '--tenant', 'Shop', ...args]);
}

describe('weaver search evaluate', () => {
  const QUESTIONS = [
    { question: 'When do refunds arrive?', documents: ['refunds.md'] },
    { question: 'arrive business days', chunks: ['CHUNK'] },
    { question: 'dry the tent', documents: ['refunds.md'] },
  ];
  const questions = (): unknown =>
    QUESTIONS.map(each => ({ ...each, ...(each.chunks && { chunks: [rightChunk] }) }));

  test('prints how often a right chunk is among the first, and why others are above', async () => {
    const { code, out } = await evaluate(questions());
    expect(code).toBe(0);
    expect(out).toMatch(/^Shop: 3 questions\n/);
    expect(out).toMatch(/mode +hit@1 +hit@3 +hit@10 +MRR/);
    expect(out).toMatch(/KEYWORD +0\.667 +0\.667 +0\.667 +0\.667/);
    expect(out).toMatch(/dry the tent\n +expected refunds\.md; VECTOR \d, KEYWORD not in 10/);
    expect(out).toMatch(
      /1\. \w+\.md \[0\] score [\d.]+: vector [\d.]+, keyword [\d.]+ \(.*tent \d/,
    );
  });

  test('tells the same as JSON, the worst question first', async () => {
    const { code, out } = await evaluate(questions(), '--json');
    expect(code).toBe(0);
    const evaluation = JSON.parse(out) as any;
    expect(evaluation).toMatchObject({ tenantName: 'Shop', botId: null });
    expect(evaluation.modes.map(({ mode }: any) => mode)).toEqual(['VECTOR', 'KEYWORD', 'HYBRID']);
    expect(evaluation.modes[1]).toMatchObject({
      hit1: 2 / 3,
      hit3: 2 / 3,
      hit10: 2 / 3,
      mrr: 2 / 3,
    });
    expect(evaluation.questions).toHaveLength(3);
    // Two at the first place; the third is asked of four chunks, of which one is right.
    for (const { mode, hit1, hit3, hit10, mrr } of evaluation.modes) {
      const ranks: (number | null)[] = evaluation.questions.map(({ ranks: all }: any) => all[mode]);
      const upTo = (most: number): number =>
        ranks.filter(rank => rank !== null && rank <= most).length / 3;
      expect({ hit1, hit3, hit10 }).toEqual({ hit1: upTo(1), hit3: upTo(3), hit10: upTo(10) });
      expect(mrr).toBeCloseTo(
        ranks.reduce<number>((sum, rank) => sum + (rank ? 1 / rank : 0), 0) / 3,
        12,
      );
      expect(ranks.slice(1)).toEqual([1, 1]);
    }
    expect(evaluation.questions[0].ranks.VECTOR).toBeGreaterThan(1);
    expect(evaluation.questions[0]).toMatchObject({
      question: 'dry the tent',
      expected: ['refunds.md'],
      ranks: { KEYWORD: null },
    });
    for (const hit of evaluation.questions[0].hits)
      expect(hit.score).toBeCloseTo(0.05 * hit.vectorPart + hit.keywordPart, 9);
  });

  test('asks one bot alone', async () => {
    const ranks = async (...args: string[]): Promise<unknown> => {
      const file = [{ question: 'wet tent', documents: ['tents.md'] }];
      const { out } = await evaluate(file, ...args, '--json');
      return (JSON.parse(out) as any).questions[0].ranks;
    };
    expect(await ranks('--bot', 'Help')).toEqual({ VECTOR: 1, KEYWORD: 1, HYBRID: 1 });
    // Of all bots, the document of another says more about it.
    expect(await ranks()).toEqual({ VECTOR: 2, KEYWORD: 2, HYBRID: 2 });
  });

  test.each<[string, unknown, string]>([
    ['no JSON', '[\n  { "question": }\n]', 'questions.json is not valid JSON, in or after line 2'],
    ['no list', {}, 'must contain a JSON array of questions'],
    ['no questions', [], 'must contain 1 to 10000 questions; it contains 0'],
    [
      'no text',
      '[\n  { "question": "a", "documents": ["tents.md"] },\n  { "documents": ["tents.md"] }\n]',
      '[1].question (line 3) must be a text that is not blank',
    ],
    ['nothing expected', [{ question: 'a' }], '[0] (line 1) names nothing that answers'],
    ['another field', [{ question: 'a', document: 'x' }], '[0].document (line 1) is not known'],
    [
      'no such document',
      [{ question: 'a', documents: ['nowhere.md'] }],
      '[0].documents[0] is nowhere.md; the tenant has no such document',
    ],
    ['no id', [{ question: 'a', chunks: ['x'] }], "[0].chunks[0] (line 1) must be a chunk's id"],
  ])('refuses a file with %s, and says where', async (_, file, message) => {
    const { code, err } = await evaluate(file);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(err).not.toMatch(/at .*\.js|select /);
  });

  test('refuses a file, a tenant and a bot that do not exist', async () => {
    const missing = await weaver(fresh.env, ['search', 'evaluate', '/no/such', '--tenant', 'Shop']);
    expect(missing.err).toContain('/no/such cannot be read');
    const question = [{ question: 'a', documents: ['tents.md'] }];
    expect((await evaluate(question, '--bot', 'Nobody')).err).toContain('Shop has no bot with');
  });
});
