import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';

const TOKEN = 'the-token-of-prometheus';
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ env: { WEAVER_METRICS_TOKEN: TOKEN } });
});
afterAll(() => gateway.close());

const get = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${gateway.url}/metrics`, { headers });

describe('/metrics', () => {
  test('tells who bears its token what the process uses, as Prometheus reads it', async () => {
    const response = await get({ authorization: `Bearer ${TOKEN}` });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toMatch(
      /^# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes \d+$/m,
    );
  });

  test.each([
    {},
    { authorization: `Bearer ${OPERATOR_TOKEN}` },
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: TOKEN },
    { 'x-api-key': TOKEN },
  ])('refuses everyone else: %j', async headers => {
    const response = await get(headers as Record<string, string>);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  test('is no token for anything else', async () => {
    const { errors } = await gateway.client(TOKEN).query('{ viewer { kind } }');
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  test('is not there where no token is configured', async () => {
    const without = await startTestGateway();
    try {
      expect(
        (await fetch(`${without.url}/metrics`, { headers: { authorization: 'Bearer undefined' } }))
          .status,
      ).toBe(404);
    } finally {
      await without.close();
    }
  });
});
