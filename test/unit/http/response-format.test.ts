import { describe, expect, test } from 'vitest';
import { negotiateFormat } from '../../../src/http/response-format.js';

const JSON_BY_NAME = { mediaType: 'application/json', requestErrorStatus: 200 };
const JSON_FOR_ALL = { mediaType: 'application/json', requestErrorStatus: 400 };
const GRAPHQL = { mediaType: 'application/graphql-response+json', requestErrorStatus: 400 };

describe('the form of an answer', () => {
  test.each([
    [undefined, JSON_FOR_ALL],
    ['', JSON_FOR_ALL],
    [' , ,', JSON_FOR_ALL],
    ['*/*', JSON_FOR_ALL],
    ['*/*;version=1', JSON_FOR_ALL],
    ['application/*;version=1', JSON_FOR_ALL],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', JSON_FOR_ALL],
    ['application/json', JSON_BY_NAME],
    ['APPLICATION/JSON', JSON_BY_NAME],
    ['application/json; charset=utf8', JSON_BY_NAME],
    ['application/json; charset=iso-8859-1', JSON_BY_NAME],
    ['application/json;profile="a, b; q=0"', JSON_BY_NAME],
    ['application/json;version=2;q=0, application/json', JSON_BY_NAME],
    ['application/json, text/plain, */*', JSON_BY_NAME],
    ['application/json;q=abc', JSON_BY_NAME],
    ['application/json;q=-1', JSON_BY_NAME],
    ['application/json;q=7', JSON_BY_NAME],
    ['application/json;q=', JSON_BY_NAME],
    ['application/json;q', JSON_BY_NAME],
    ['application/json ; Q = 0.5', JSON_BY_NAME],
    ['application/json;profile="never closed', JSON_BY_NAME],
    ['application/json;q=0.9, application/graphql-response+json;q=0.8', JSON_BY_NAME],
    ['application/graphql-response+json', GRAPHQL],
    ['application/graphql-response+json, application/json', GRAPHQL],
    ['application/json, application/graphql-response+json', GRAPHQL],
    ['application/graphql-response+json,application/json;q=0.9', GRAPHQL],
    [
      'application/graphql-response+json, application/graphql+json, application/json, ' +
        'text/event-stream, multipart/mixed',
      GRAPHQL,
    ],
    ['application/json;q=0.5, */*', GRAPHQL],
    ['application/json;q=0, */*', GRAPHQL],
    ['application/graphql-response+json;q=0, */*', JSON_FOR_ALL],
    ['application/graphql-response+json;q=0.000, application/json;q=0.001', JSON_BY_NAME],
    ['text/html, application/graphql-response+json;q=0.1', GRAPHQL],
    ['application/json', JSON_BY_NAME],
  ])('for %j is %j', (accept, form) => {
    expect(negotiateFormat(accept)).toEqual(form);
  });

  test.each([
    'text/html',
    'application/json;q=0',
    'application/json;q="0"',
    'application/json;Q=0.000;version=1',
    '*/*;q=0',
    'application/*;q=0, */*',
    'application/json;q=0, application/graphql-response+json;q=0, */*',
    'application/jsonp',
    '*/json',
    'json',
    'text/html;x="application/json"',
  ])('for %j is none', accept => {
    expect(negotiateFormat(accept)).toBeUndefined();
  });

  test('is found in no time for a header made to take long', () => {
    expect(negotiateFormat(`application/json;a="${'\\'.repeat(8_000)}`)).toEqual(JSON_BY_NAME);
    expect(negotiateFormat('"'.repeat(16_000))).toBeUndefined();
    expect(negotiateFormat(`application/json;${'q=;'.repeat(5_000)}`)).toEqual(JSON_BY_NAME);
  });
});
