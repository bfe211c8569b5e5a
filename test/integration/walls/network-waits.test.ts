import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client, type Answer } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { isKeyLookUp, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import {
  IdentityProvider,
  signingKey,
  tokenFor,
  type SigningKey,
} from '../../support/identity-provider.js';
import {
  answers,
  serviceConfig,
  startOpenAiServer,
  type OpenAiServer,
} from '../../support/openai-server.js';
import type { BotWorld, TenantWorld } from '../../support/world.js';

const DIMENSIONS = 64;

/**
 * With one connection, or the embedded database's one session: if it were held, nobody else would
 * be served.
 */
describe('no connection is held while', () => {
  let embeddings: OpenAiServer;
  let provider: IdentityProvider;
  let key: SigningKey;
  let gateway: TestGateway;
  /** Over the same database, for users of an identity provider. */
  let signedIn: Gateway;
  let tenant: TenantWorld;
  let bot: BotWorld;
  let secret: string;
  let chunkId: string;

  beforeAll(async () => {
    embeddings = await startOpenAiServer({ dimensions: DIMENSIONS });
    provider = new IdentityProvider();
    key = await signingKey();
    provider.keys = [key.jwk];
    gateway = await startTestGateway({
      poolSize: 1,
      embedder: serviceConfig(embeddings, { dimensions: DIMENSIONS }),
    });
    signedIn = await startGateway({
      config: testConfig({ JWT_JWKS_URL: await provider.start() }),
      database: gateway.db.database,
      log: createLogger('silent'),
    });
    tenant = await gateway.world.tenant();
    bot = await tenant.bot();
    secret = (await tenant.key({ scopes: ['read', 'search', 'write'] })).secret;
    const document = await bot.document();
    [chunkId] = (await document.chunks([
      {
        text: 'Tents',
        chunkIndex: 0,
        embedding: Array.from({ length: 1536 }, (_, n) => (n < DIMENSIONS ? 1 : 0)),
      },
    ])) as [string];
  });
  afterAll(async () => {
    await signedIn?.close();
    await gateway?.close();
    await provider?.close();
    await embeddings?.close();
  });

  /**
   * The answer to what waits for something slow, once others have been served meanwhile, in reads
   * and in writes.
   */
  async function meanwhile(slow: {
    answer: Promise<Answer>;
    isWaiting: () => boolean;
    goOn: () => void;
  }): Promise<Answer> {
    try {
      await Promise.race([until(slow.isWaiting), slow.answer]);
      const other = gateway.client(secret);
      expect(await other.data(`{ bot(id: "${bot.id}") { id } }`)).toEqual({ bot: { id: bot.id } });
      expect(
        await other.data(
          'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { name } } }',
          { input: { id: bot.id, name: 'Served' } },
        ),
      ).toEqual({ updateBot: { bot: { name: 'Served' } } });
    } finally {
      slow.goOn();
    }
    return slow.answer;
  }

  let asked = 0;
  test.each([
    [
      'search by meaning',
      (text: string) => [
        'query ($input: SearchChunksInput!) { viewer { kind } tenant { name } ' +
          'searchChunks(input: $input) { hits { chunk { id } } } }',
        { text },
      ],
    ],
    [
      'hybrid search',
      (text: string) => [
        'query ($input: SearchChunksInput!) { bots { totalCount } searchChunks(input: ' +
          '$input) { hits { chunk { id } } } }',
        { text: `tents ${text}`, mode: 'HYBRID' },
      ],
    ],
    [
      'explanation',
      (text: string) => [
        'query ($input: SearchChunksInput!) { bots { totalCount } explainChunk(chunkId: ' +
          `"${chunkId}", input: $input) { droppedBy } }`,
        { text },
      ],
    ],
    [
      'new document',
      (text: string) => [
        'mutation ($input: CreateDocumentInput!) { createDocument(input: $input) { ' +
          'document { id } } }',
        { text, filename: 'a.md' },
      ],
    ],
    [
      'new document under a key',
      (text: string) => [
        'mutation ($input: CreateDocumentInput!) { createDocument(input: $input) { ' +
          'document { id } } }',
        { text, filename: 'b.md', idempotencyKey: 'once' },
      ],
    ],
  ] as const)('the embedding service thinks about a %s', async (_, ask) => {
    const gate = Promise.withResolvers<void>();
    let isWaiting = false;
    embeddings.next((...call) => {
      isWaiting = true;
      void gate.promise.then(() => answers()(...call));
    });
    const [query, input] = ask(`question ${(asked += 1)}`);
    const answer = gateway.client(secret).query(query as string, { input });
    expect(
      await meanwhile({ answer, isWaiting: () => isWaiting, goOn: gate.resolve }),
    ).toMatchObject({ status: 200, errors: undefined });
  });

  test('the identity provider is asked for its keys', async () => {
    const gate = Promise.withResolvers<void>();
    let isWaiting = false;
    const answerNow = provider.answer;
    provider.answer = response => {
      isWaiting = true;
      void gate.promise.then(() => answerNow(response));
    };
    const answer = new Client(
      signedIn.url,
      await tokenFor(key, { sub: await tenant.user({ role: 'owner' }) }),
    ).query('{ viewer { kind } tenant { id } }');
    expect(
      await meanwhile({ answer, isWaiting: () => isWaiting, goOn: gate.resolve }),
    ).toMatchObject({ status: 200, data: { viewer: { kind: 'USER' }, tenant: { id: tenant.id } } });
  });

  test('a large request, whose sender was looked up for it, arrives slowly', async () => {
    const body = JSON.stringify({
      query: '{ tenant { id } }',
      extensions: { filling: 'x'.repeat(200_000) },
    });
    const sending = request(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        authorization: `Bearer ${secret}`,
      },
    });
    const answer = new Promise<Answer>((resolve, reject) => {
      sending.on('error', reject).on('response', async response => {
        const text = (await response.toArray()).join('');
        resolve({ status: response.statusCode!, ...JSON.parse(text) });
      });
    });
    let isLookedUp = false;
    gateway.db.database.onStatement = ({ name }) => void (isLookedUp ||= isKeyLookUp(name));
    sending.write(body.slice(0, 1_000));
    expect(
      await meanwhile({
        answer,
        isWaiting: () => isLookedUp,
        goOn: () => void sending.end(body.slice(1_000)),
      }),
    ).toMatchObject({ status: 200, data: { tenant: { id: tenant.id } } });
    gateway.db.database.onStatement = () => {};
  });
});
