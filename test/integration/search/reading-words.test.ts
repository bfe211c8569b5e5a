// cspell:disable -- words of many languages
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) {
    hits { highlight keywordScore chunk { id text } }
    keywordMatch
    completeness { candidates reason notes }
  }
}`;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** A tenant whose texts another program has written by plain SQL, beside one text without words. */
async function tenantWith(...texts: string[]): Promise<Client> {
  const tenant = await gateway.world.tenant();
  const document = await (await tenant.bot()).document({ filename: 'Handbook' });
  for (const [chunkIndex, text] of [...texts, 'Nothing of that.'].entries())
    await gateway.world.insert('doc_chunks', {
      tenant_id: tenant.id,
      doc_id: document.id,
      text,
      chunk_index: chunkIndex,
    });
  return gateway.client((await tenant.key()).secret);
}

async function search(
  client: Client,
  text: string,
  mode = 'KEYWORD',
): Promise<{ texts: string[]; highlights: string[]; keywordMatch: string; notes: string[] }> {
  const { searchChunks } = await client.data(SEARCH, { input: { text, mode } });
  return {
    texts: searchChunks.hits.map((hit: any) => hit.chunk.text),
    highlights: searchChunks.hits.map((hit: any) => hit.highlight),
    keywordMatch: searchChunks.keywordMatch,
    notes: searchChunks.completeness.notes,
  };
}

describe('a word is found wherever it stands as a word, and is marked', () => {
  test.each([
    ['Networks speak TCP/IP', 'TCP', 'Networks speak <mark>TCP</mark>/IP'],
    ['Networks speak TCP/IP', 'tcp/ip', 'Networks speak <mark>TCP/IP</mark>'],
    ['fastify.addHook(onRequest, next)', 'addHook', 'fastify.<mark>addHook</mark>(onRequest, next'],
    ['fastify.addHook(onRequest, next)', 'hook', 'fastify.add<mark>Hook</mark>(onRequest, next'],
    ['fastify.addHook', 'fastify.addHook', '<mark>fastify.addHook</mark>'],
    ['two years.Returns are free', 'returns', 'two years.<mark>Returns</mark> are free'],
    ['filter AB-1234', '1234', 'filter AB-<mark>1234</mark>'],
    ['filter AB-1234', 'ab-1234', 'filter <mark>AB-1234</mark>'],
    ['DS-7604NI-E1/4P/A', 'DS-7604NI', '<mark>DS-7604NI</mark>-E1/4P/A'],
    ['DS-7604NI-E1/4P/A', '7604', 'DS-<mark>7604</mark>NI-E1/4P/A'],
    ['it says queue.deadletter.added', 'deadletter', 'it says queue.<mark>deadletter</mark>.added'],
    ['write to mara@example.com', 'example.com', 'write to mara@<mark>example.com</mark>'],
    ['write to mara@example.com', 'mara', 'write to <mark>mara</mark>@example.com'],
    [
      'at https://docs.example.com/api/v2',
      'docs',
      'at https://<mark>docs</mark>.example.com/api/v2',
    ],
    [String.raw`C:\Users\mara`, 'users', String.raw`C:\<mark>Users</mark>\mara`],
    ['Setter on <file_server_port>', 'port', 'Setter on &lt;file_server_<mark>port</mark>'],
    ['a List<String> of names', 'String', 'a List&lt;<mark>String</mark>&gt; of names'],
    ['Use <details open> to fold', 'details', 'Use &lt;<mark>details</mark> open&gt; to fold'],
    ['an HTTPServer in std::vector', 'server', 'an HTTP<mark>Server</mark> in std::vector'],
    ['an HTTPServer in std::vector', 'vector', 'an HTTPServer in std::<mark>vector</mark>'],
    ['a sha256sum of it', 'sum', 'a sha256<mark>sum</mark> of it'],
    ['$HOME and user_id=7', 'user_id', 'HOME and <mark>user_id</mark>=7'],
    [
      '我们支持七天无理由退款，运费由买家承担。',
      '退款',
      '们支持七天无理由<mark>退款</mark>，运费由买家承担',
    ],
    ['我们支持七天', '七', '我们支持<mark>七</mark>天'],
    ['返品は三十日以内に', '三十日', '返品は<mark>三十日</mark>以内に'],
    ['คืนสินค้าได้ภายในเดือน', 'สินค้า', 'คืน<mark>สินค้า</mark>ได้ภายในเดือน'],
    ['ຂ້ອຍຮັກລາວ', 'ລາວ', 'ຂ້ອຍຮັກ<mark>ລາວ</mark>'],
    ['환불은 삼십일 안에', '환불', '<mark>환불은</mark> 삼십일 안에'],
    ['Wert\u00adpapier\u00adindex', 'Wertpapierindex', '<mark>Wert\u00adpapier\u00adindex</mark>'],
    ['zero\u200bwidth\ufeff', 'zerowidth', '<mark>zero\u200bwidth\ufeff</mark>'],
    ['the o\ufb03ce', 'office', 'the <mark>o\ufb03ce</mark>'],
    ['the contin-\nuation', 'continuation', 'the <mark>contin-\nuation</mark>'],
    ['ﾃｽﾄ', 'テスト', '<mark>ﾃｽﾄ</mark>'],
    ['مَرَّاكُش', 'مراكش', '<mark>مَرَّاكُش</mark>'],
    ['שָׁלוֹם', 'שלום', '<mark>שָׁלוֹם</mark>'],
    ['Un café noir', 'cafe', 'Un <mark>café</mark> noir'],
    ['Un cafe\u0301 noir', 'CAFÉ', 'Un <mark>cafe\u0301</mark> noir'],
    ['zażółć gęślą', 'zazolc', '<mark>zażółć</mark> gęślą'],
    ['ISITICI', 'ısıtıcı', '<mark>ISITICI</mark>'],
    ['die TÜR', 'tür', 'die <mark>TÜR</mark>'],
    ['written in C++ and C#', 'C++', 'written in <mark>C++</mark> and C#'],
    ['written in C++ and C#', 'C#', 'written in C++ and <mark>C#</mark>'],
    ['F# on .NET', '.NET', 'F# on <mark>.NET</mark>'],
    ['F# on .NET', 'net', 'F# on <mark>.NET</mark>'],
    ['by AT&T', 'AT&T', 'by <mark>AT&amp;T</mark>'],
    ['ready 🚀 now', '🚀', 'ready <mark>🚀</mark> now'],
    ['Refunding takes long', 'refunds', '<mark>Refunding</mark> takes long'],
    [
      'to be or not to be',
      'to be',
      '<mark>to</mark> <mark>be</mark> or not <mark>to</mark> <mark>be</mark>',
    ],
  ])('%s: %s', async (text, query, highlight) => {
    const client = await tenantWith(text);
    expect(await search(client, query)).toEqual({
      texts: [text],
      highlights: [highlight],
      keywordMatch: 'ALL_WORDS',
      notes: [],
    });
    expect((await search(client, query, 'HYBRID')).texts).toContain(text);
  });

  test('and signs of names tell them apart', async () => {
    const client = await tenantWith('All about C++', 'All about C#', 'Plan C');
    expect((await search(client, 'C++')).texts).toEqual(['All about C++']);
    expect((await search(client, 'C#')).texts).toEqual(['All about C#']);
    expect((await search(client, 'c')).texts).toEqual(['Plan C']);
  });

  test('and parts of a number that is joined do not find it out of their order', async () => {
    const client = await tenantWith('filter AB-1234', 'filter 1234 beside AB');
    expect((await search(client, 'ab-1234')).texts).toEqual(['filter AB-1234']);
    // Beside another word they add to the score of what has that.
    const { texts, keywordMatch } = await search(client, 'filter ab-1234');
    expect(texts).toEqual(['filter AB-1234', 'filter 1234 beside AB']);
    expect(keywordMatch).toBe('ALL_WORDS');
  });
});

describe('operators', () => {
  test.each([
    ['tar -xvf', 'tar -xvf backup.tar', ['EXCLUSIONS_AS_WORDS']],
    ['- tent\n- stove', 'a stove beside a tent', []],
    ['what I need\n-tent\n-stove', 'what I need is a tent, a stove', []],
    [`5' 10" person winter sleeping bag`, `bag for sleeping, winter, 5' 10" person`, []],
    ['“sleeping bag”', 'a sleeping bag', []],
    ['say "unfinished', 'say something unfinished', []],
    ['well-known names', 'names that are well-known', []],
  ])('%s finds what it means', async (query, text, notes) => {
    const client = await tenantWith(text);
    expect(await search(client, query)).toMatchObject({
      texts: [text],
      keywordMatch: 'ALL_WORDS',
      notes,
    });
  });

  test('or joins its two neighbours', async () => {
    const client = await tenantWith('we repair boots', 'we repair tents', 'boots and tents');
    const { texts, keywordMatch } = await search(client, 'repair boots or tents');
    expect(texts.slice(0, 2).toSorted()).toEqual(['we repair boots', 'we repair tents']);
    expect(texts.slice(2)).toEqual(['boots and tents']);
    expect(keywordMatch).toBe('ALL_WORDS');
  });

  test('a phrase in typographic quotes, and what is excluded', async () => {
    const client = await tenantWith(
      'return policy of shoes',
      'policy on each return',
      'return wax',
    );
    expect((await search(client, '„return policy“')).texts).toEqual(['return policy of shoes']);
    expect((await search(client, 'return -wax -"return policy"')).texts).toEqual([
      'policy on each return',
    ]);
  });

  test('are plain text in the mode HYBRID', async () => {
    const client = await tenantWith('tar -xvf backup.tar');
    expect(await search(client, 'tar -xvf "backup', 'HYBRID')).toMatchObject({
      keywordMatch: 'ALL_WORDS',
      highlights: ['<mark>tar</mark> -<mark>xvf</mark> <mark>backup.tar</mark>'],
    });
  });

  test('a text of more than a hundred words is cut in HYBRID, which says so', async () => {
    const client = await tenantWith('the last word is zeppelin');
    const text = Array.from({ length: 1_000 }, (_, index) => `w${index}x`).join(' ');
    const { notes } = await search(client, `zeppelin ${text}`, 'HYBRID');
    expect(notes).toEqual(['FIRST_WORDS_ONLY']);
  });
});

test.each(['\u200b', '\u00ad', '\u2800', '\u3164', ' \ufeff '])(
  'a text of %j alone is blank',
  async text => {
    const client = await tenantWith();
    for (const mode of ['KEYWORD', 'VECTOR', 'HYBRID']) {
      const { errors } = (await client.query(SEARCH, { input: { text, mode } })) as any;
      expect(errors[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    }
  },
);
