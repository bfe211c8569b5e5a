import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ranksOf, storeSet } from '../../../bench/retrieval/ask.js';
import { demoQuestions } from '../../../bench/retrieval/demo-questions.js';
import { languageQuestions } from '../../../bench/retrieval/language-questions.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** For each question the rank of the first right chunk, by the mode; `-` for none among ten. */
const RANKS: Record<string, { VECTOR: string; KEYWORD: string; HYBRID: string }> = {
  'Demo: Harbor Outdoor': {
    VECTOR: '1 2 1 1 1 1 4 2 3 1 2 1 1 1 1 2 1 1 1 1 1 1 1 1 1',
    KEYWORD: '1 2 1 1 1 1 4 1 1 1 1 2 1 3 1 5 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 2 1 1 1 1 4 1 1 1 1 2 1 3 1 4 1 1 1 1 1 1 1 1 1',
  },
  'Demo: Larkfield Family Clinic': {
    VECTOR: '4 1 1 1 1 1 1 1 1 1 2 1 1 6 3 9 1 1 1',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 - 1 1 1 3 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 2 1 1 1 3 1 1 1 1',
  },
  'Demo: Pinion Cloud': {
    VECTOR: '1 1 2 1 1 1 1 10 1 1 1 1 1 1 1 1 1 2 1 1 1 1',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  },
  Arabic: {
    VECTOR: '1 1 2 1 1 1 1 1 1 1 1 1 1 1 1 1',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  },
  Chinese: {
    VECTOR: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  },
  Japanese: {
    VECTOR: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  },
  Thai: {
    VECTOR: '1 1 1 1 1 1 1 1 1 1 2 1 1 1 1 1',
    KEYWORD: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    HYBRID: '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  },
};

describe('what answers a question stands where it stood, in every mode', () => {
  test.each([...demoQuestions(), ...languageQuestions()])('$name', async set => {
    const stored = await storeSet(gateway.operator, set);
    const ranks = async (mode: 'VECTOR' | 'KEYWORD' | 'HYBRID'): Promise<string> =>
      (await ranksOf(gateway.operator, stored, mode)).map(rank => rank ?? '-').join(' ');
    expect({
      VECTOR: await ranks('VECTOR'),
      KEYWORD: await ranks('KEYWORD'),
      HYBRID: await ranks('HYBRID'),
    }).toEqual(RANKS[set.name]);
  });
});
