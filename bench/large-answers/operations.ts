export interface Operation {
  readonly name: string;
  readonly query: string;
}

const times = (count: number, text: (nth: number) => string): string =>
  Array.from({ length: count }, (_, nth) => text(nth)).join(' ');

const NESTED_BOTS = 'bots(first: 100, filter: { name: { contains: "Nested" } })';
const TYPE_IN_DEPTH = 'type { name ofType { name ofType { name fields { name description } } } }';

/** What takes the most of a gateway that the limits on documents let through. */
export function operations({
  documentId,
  chunkId,
  botId,
}: {
  readonly documentId: string;
  readonly chunkId: string;
  readonly botId: string;
}): Operation[] {
  const chunks = (fields: string, copies = 5): string =>
    '{ documents(first: 50) { nodes { ' +
    `${times(copies, nth => `c${nth}: chunks(first: 100) { nodes { ${fields} } }`)} } } }`;
  return [
    {
      name: 'aliases of configs',
      query:
        '{ bots(first: 42, filter: { name: { startsWith: "Bot" } }) { nodes { ' +
        `${times(190, nth => `a${nth}: config`)} } } }`,
    },
    {
      name: 'configs of many small objects',
      query: `{ ${times(5, nth => `b${nth}: ${NESTED_BOTS} { nodes { config } }`)} }`,
    },
    { name: 'texts of 25,000 chunks', query: chunks('text') },
    { name: 'vectors of 25,000 chunks', query: chunks('embedding') },
    {
      name: '30 MB of texts',
      query: `{ documents(first: 15) { nodes { chunks(first: 100) { nodes { text } } } } }`,
    },
    {
      name: 'as many rows as may be read',
      query: chunks(
        'id chunkIndex pageNum hasEmbedding createdAt document { id } bot { id } tenant ' +
          '{ id } __typename',
        4,
      ),
    },
    {
      name: 'as many values as may be shown',
      query: chunks(
        times(5, nth => `a${nth}: chunkIndex`),
        1,
      ),
    },
    {
      name: 'times',
      query: chunks(
        times(5, nth => `a${nth}: createdAt`),
        1,
      ),
    },
    {
      name: 'the payload of a mutation',
      query:
        `mutation { updateDocument(input: { id: "${documentId}" }) { document { ` +
        `chunks(first: 100) { ${times(100, nth => `n${nth}: nodes { text }`)} } } } }`,
    },
    {
      name: 'passages',
      query:
        '{ searchChunks(input: { text: "tent", mode: KEYWORD, topK: 50, contextWindow: 5 ' +
        `}) { ${times(90, nth => `p${nth}: passages { text }`)} } }`,
    },
    {
      name: 'the schema, in depth',
      query:
        '{ __schema { types { ' +
        `${times(20, nth => `f${nth}: fields { args { ${TYPE_IN_DEPTH} } ${TYPE_IN_DEPTH} }`)} ` +
        '} } }',
    },
    {
      name: 'the schema, in breadth',
      query:
        `{ __schema { types { name fields { args { ${times(190, nth => `a${nth}: name`)} } ` +
        '} } } }',
    },
    {
      name: 'arguments that are refused under aliases',
      query:
        '{ documents(first: 20) { nodes { chunks(first: 100) { nodes { ' +
        `${times(2, nth => `a${nth}: neighbors(before: 99999) { before { id } }`)} } } } } }`,
    },
    {
      name: 'lists of nothing under aliases',
      query:
        '{ documents(first: 20) { nodes { chunks(first: 100) { nodes { ' +
        `${times(10, nth => `a${nth}: similar(first: 0) { similarity }`)} } } } } }`,
    },
    {
      name: 'errors through an interface',
      query:
        `{ node(id: "${documentId}") { ... on Document { bot { documents(first: 50) { ` +
        'nodes { chunks(first: 100) { nodes { neighbors(before: 99999) { before { id } } } ' +
        '} } } } } } }',
    },
    {
      name: 'searches with passages',
      query:
        '{ ' +
        times(9, nth => {
          const input = `text: "parcel ${nth}", mode: KEYWORD, topK: 100, contextWindow: 3`;
          const bot = `botId: "${botId}"`;
          return `s${nth}: searchChunks(input: { ${input}, ${bot} }) { passages { text } }`;
        }) +
        ' }',
    },
    ...['HYBRID', 'KEYWORD', 'VECTOR'].map(mode => ({
      name: `20 ${mode} searches`,
      query: `{ ${times(20, nth => {
        const input = `text: "parcel ${nth} tent", mode: ${mode}, topK: 100, contextWindow: 3`;
        const shown = 'hits { highlight } passages { text }';
        return `s${nth}: searchChunks(input: { ${input} }) { ${shown} }`;
      })} }`,
    })),
    {
      name: '20 explanations',
      query: `{ ${times(20, nth => {
        const input = `text: "parcel ${nth} tent", mode: HYBRID, topK: 100`;
        return `e${nth}: explainChunk(chunkId: "${chunkId}", input: { ${input} }) { droppedBy }`;
      })} }`,
    },
    {
      name: '20 lists of similar chunks',
      query:
        `{ document(id: "${documentId}") { chunks(first: 20) { nodes { similar(first: 50) ` +
        '{ similarity } } } } }',
    },
    {
      name: 'vectors of 1,500 chunks',
      query: `{ documents(first: 15) { nodes { chunks(first: 100) { nodes { embedding } } } } }`,
    },
    { name: 'errors', query: chunks('bot { documents(first: 1, after: "x") { totalCount } }', 4) },
    {
      name: 'errors under aliases',
      query: chunks('neighbors(before: 101, after: 101) { before { id } }', 1),
    },
    {
      name: 'errors in the payload of a mutation',
      query:
        `mutation { updateDocument(input: { id: "${documentId}" }) { document { bot { ` +
        'documents(first: 50) { nodes { chunks(first: 100) { nodes { ' +
        `${times(8, nth => `e${nth}: bot { documents(first: 1, after: "x") { totalCount } }`)} ` +
        '} } } } } } } }',
    },
  ];
}
