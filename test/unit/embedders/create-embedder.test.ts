import { describe, expect, test } from 'vitest';
import { createEmbedder } from '../../../src/embedders/create-embedder.js';
import { serviceConfig } from '../../support/openai-server.js';

describe('createEmbedder', () => {
  test('makes the built-in embedder', () => {
    expect(createEmbedder({ provider: 'hashing' })).toMatchObject({
      name: 'hashing',
      model: 'weaver-hashing-2',
      dimensions: 1536,
    });
  });

  test('makes a client of the configured service without calling it', () => {
    const embedder = createEmbedder(
      serviceConfig({ baseUrl: 'http://127.0.0.1:9/v1' }, { model: 'some-model', dimensions: 768 }),
    );
    expect(embedder).toMatchObject({ name: 'openai', model: 'some-model', dimensions: 768 });
  });
});
