import assert from 'node:assert/strict';
import { HashingEmbedder } from '../../src/embedders/hashing-embedder.js';
import type { Answer, Client } from './client.js';
import type { TestGateway } from './gateway.js';

const TREE =
  '{ tenant { id bots(first: 50) { totalCount nodes { id name documents(first: 50) { nodes ' +
  '{ id filename chunks(first: 50) { nodes { id text } } } } } } } }';
const SEARCH =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk { id ' +
  'text document { id } } } } }';
const RENAME =
  'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { id name tenant ' +
  '{ id } documents(first: 50) { nodes { id } } } } }';
const OTHERS = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';

interface Tree {
  readonly [id: string]: {
    readonly name: string;
    readonly documents: {
      readonly [id: string]: {
        readonly filename: string;
        readonly chunks: { readonly [id: string]: string };
      };
    };
  };
}

/** A tenant, what is in it, and who asks for it. */
interface Member {
  readonly id: string;
  readonly tree: Tree;
  readonly key: Client;
  readonly user: Client;
}

/**
 * Many tenants, each with another number of documents and chunks and texts of its own, and
 * operations of each that check their answers.
 */
export class Crowd {
  private constructor(private readonly members: readonly Member[]) {}

  static async gather(gateway: TestGateway, tenants: number): Promise<Crowd> {
    const members: Member[] = [];
    for (let number = 0; number < tenants; number += 1) members.push(await settle(gateway, number));
    return new Crowd(members);
  }

  /**
   * Sends `count` operations at once, of all tenants in turn and of every kind, and checks that
   * each answer is its own tenant's, all of it.
   */
  async ask(count: number): Promise<void> {
    const kinds = [
      this.#navigates,
      this.#searchesByMeaning,
      this.#searchesByWords,
      this.#renames,
      this.#triesOtherTenants,
    ];
    await Promise.all(
      Array.from({ length: count }, async (_, turn) => {
        const kind = kinds[turn % kinds.length]!;
        const index = Math.floor(turn / kinds.length) % this.members.length;
        await kind(
          this.members[index]!,
          this.members[(index + 1) % this.members.length]!,
          turn % 2 === 0 ? 'key' : 'user',
        );
      }),
    );
  }

  readonly #navigates = async (own: Member, _: Member, as: 'key' | 'user'): Promise<void> => {
    const { tenant } = success(await own[as].query(TREE));
    const bots = tenant.bots.nodes.map((bot: any) => [
      bot.id,
      {
        name: bot.name,
        documents: byId(bot.documents.nodes, (document: any) => ({
          filename: document.filename,
          chunks: byId(document.chunks.nodes, (chunk: any) => chunk.text),
        })),
      },
    ]);
    assert.deepEqual(
      { id: tenant.id, count: tenant.bots.totalCount, tree: Object.fromEntries(bots) },
      { id: own.id, count: bots.length, tree: own.tree },
    );
  };

  readonly #searchesByMeaning = async (
    own: Member,
    _: Member,
    as: 'key' | 'user',
  ): Promise<void> => {
    this.#areAllChunks(
      own,
      success(await own[as].query(SEARCH, { input: { text: 'a passage of somebody', topK: 100 } })),
    );
  };

  readonly #searchesByWords = async (own: Member, _: Member, as: 'key' | 'user'): Promise<void> => {
    this.#areAllChunks(
      own,
      success(
        await own[as].query(SEARCH, { input: { text: 'passage', mode: 'KEYWORD', topK: 100 } }),
      ),
    );
  };

  #areAllChunks({ tree }: Member, { searchChunks }: any): void {
    const found = searchChunks.hits.map(
      ({ chunk }: any) => `${chunk.document.id} ${chunk.id} ${chunk.text}`,
    );
    const all = Object.values(tree).flatMap(({ documents }) =>
      Object.entries(documents).flatMap(([id, { chunks }]) =>
        Object.entries(chunks).map(([chunk, text]) => `${id} ${chunk} ${text}`),
      ),
    );
    assert.deepEqual(found.toSorted(), all.toSorted());
  }

  readonly #renames = async (own: Member): Promise<void> => {
    const [id, { name, documents }] = Object.entries(own.tree).at(-1)!;
    const { updateBot } = success(await own.user.query(RENAME, { input: { id, name } }));
    assert.deepEqual(
      {
        ...updateBot.bot,
        documents: updateBot.bot.documents.nodes.map((document: any) => document.id).toSorted(),
      },
      { id, name, tenant: { id: own.id }, documents: Object.keys(documents).toSorted() },
    );
  };

  readonly #triesOtherTenants = async (
    own: Member,
    other: Member,
    as: 'key' | 'user',
  ): Promise<void> => {
    const mine = Object.keys(own.tree);
    const { nodes } = success(
      await own[as].query(OTHERS, { ids: [...mine, ...Object.keys(other.tree), other.id] }),
    );
    assert.deepEqual(
      nodes.map((node: any) => node?.id ?? null),
      [...mine, ...Object.keys(other.tree).map(() => null), null],
    );
  };
}

async function settle(gateway: TestGateway, number: number): Promise<Member> {
  const tenant = await gateway.world.tenant({ name: `Tenant ${number}` });
  const embedder = new HashingEmbedder();
  const [createTenant] = await gateway.db.asSuperuser<{ id: string; name: string }>(
    'select id, name from bots where tenant_id = ?',
    [tenant.id],
  );
  const tree: Record<string, Tree[string]> = {
    [createTenant!.id]: { name: createTenant!.name, documents: {} },
  };
  const name = `Bot of ${number}`;
  const bot = await tenant.bot({ name });
  const documents: Record<string, { filename: string; chunks: Record<string, string> }> = {};
  for (let count = 0; count <= number % 3; count += 1) {
    const filename = `${count} of ${number}.md`;
    const document = await bot.document({ filename });
    const texts = Array.from(
      { length: 1 + ((number + count) % 4) },
      (_, index) => `Passage ${index} of document ${count} of tenant ${number}`,
    );
    const embeddings = await embedder.embed(texts);
    const ids = await document.chunks(
      texts.map((text, chunkIndex) => ({ text, chunkIndex, embedding: embeddings[chunkIndex]! })),
    );
    documents[document.id] = {
      filename,
      chunks: Object.fromEntries(ids.map((id, index) => [id, texts[index]!])),
    };
  }
  tree[bot.id] = { name, documents };
  return {
    id: tenant.id,
    tree,
    key: gateway.client((await tenant.key()).secret),
    user: await gateway.user(tenant),
  };
}

function success({ status, data, errors }: Answer): any {
  assert.deepEqual({ status, errors }, { status: 200, errors: undefined });
  return data;
}

function byId<N extends { id: string }, V>(
  nodes: readonly N[],
  value: (node: N) => V,
): Record<string, V> {
  return Object.fromEntries(nodes.map(node => [node.id, value(node)]));
}
