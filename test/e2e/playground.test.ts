import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type Page,
  type Request,
  type Route,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PLAYGROUND_OPERATIONS } from '../../src/playground/playground-operations.js';
import { startGateway } from '../support/gateway.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const isInstalled = existsSync(CHROMIUM);
if (!isInstalled) {
  const problem =
    `There is no browser at ${CHROMIUM}: install Chromium (Debian: apt-get install ` +
    'chromium) or set CHROMIUM_PATH.';
  if (process.env['WEAVER_REQUIRE_BROWSER'] === '1') throw new Error(problem);
  console.warn(`\n*** The Playground is NOT tested. ${problem} ***\n`);
}

// Chromium's own errands would count as requests to strangers.
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe.skipIf(!isInstalled)('the Playground in a browser', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let browser: Browser;
  let visitor: Visitor;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([
      startGateway(),
      chromium.launch({
        executablePath: CHROMIUM,
        args: ['--headless', '--no-sandbox', '--disable-gpu', ...QUIET],
      }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  beforeEach(async () => {
    visitor = await newVisitor(browser, gateway.url);
  });
  afterEach(async () => {
    await visitor.context.close();
    assert.deepEqual(visitor.strangers, [], 'The page asked other servers for something.');
    assert.deepEqual(visitor.complaints, [], 'The console has errors or warnings.');
  });

  test('is where a browser lands that opens /graphql', async () => {
    await visitor.page.goto(`${gateway.url}/graphql`);
    expect(visitor.page.url()).toBe(`${gateway.url}/playground`);
    expect(await visitor.page.title()).toBe('Weaver Playground');
  });

  test('greets with an operation that is answered already, with the demo key', async () => {
    await visitor.open();
    await visitor.page.getByText('Welcome to Weaver!').waitFor();
    await visitor.answerPane.getByText('"viewer"').waitFor();
    await visitor.page.click('[track-id="show_set_headers"]');
    const header = await visitor.page.locator('app-headers-editor .cm-content').allInnerTexts();
    expect(header).toEqual(['Authorization', `Bearer ${gateway.demoKey}`]);
  });

  test('runs the operation in the open tab when its button is pressed', async () => {
    await visitor.open();
    await visitor.tab('Search by meaning').click();
    const answer = await visitor.answerTo(() => visitor.send());
    expect(answer.errors).toBeUndefined();
    await visitor.answerPane.getByText('"completeness"').waitFor();
  });

  test('shows the numbers of an answer as the answer has them', async () => {
    await visitor.open();
    await visitor.write(
      'query Numbers { searchChunks(input: { text: "tent", topK: 2 }) { hits { rank ' +
        'similarity score } } }',
    );
    const text = await visitor.answerTextTo(() => visitor.send());
    expect(text).toMatch(/"similarity":0\.\d{14,}/);
    await expect.poll(() => visitor.shownAnswer(), { timeout: 20_000 }).toBe(indented(text));
  });

  test.each(AWKWARD)('shows %s as the answer has it', async (_, value) => {
    const answer = `{"data":{"viewer":{"kind":${value}}}}`;
    await visitor.open();
    await visitor.page.route('**/graphql', route =>
      route.fulfill({ contentType: 'application/json', body: answer }),
    );
    await visitor.send();
    await expect.poll(() => visitor.shownAnswer(), { timeout: 20_000 }).toBe(indented(answer));
  });

  test('sends what stands in VARIABLES with all digits, as numbers', async () => {
    await visitor.open();
    const vector = Array.from({ length: 20 }, (__, n) => Math.sin(n)).join();
    const members = AWKWARD.map(([, value], n) => `"m${n}":${value}`).join();
    const variables = `{"vector":[${vector}],${members}}`;
    await visitor.writeVariables(variables);
    const body = await visitor.bodyOf(() => visitor.send());
    expect(body).toContain(`"variables":${variables}`);
  });

  test('lists the ready operations, of which each opens in a tab of its own', async () => {
    await visitor.open();
    await visitor.collection.first().waitFor();
    expect((await visitor.collection.allInnerTexts()).map(title => title.trim())).toEqual(
      PLAYGROUND_OPERATIONS.map(operation => operation.name),
    );
    await visitor.collection.filter({ hasText: 'Anything by its id' }).click();
    await visitor.activeTab('Anything by its id').waitFor();
    expect(await visitor.answerTo(() => visitor.send())).toMatchObject({
      data: { node: { __typename: 'Document' } },
    });
  });

  test('has operations that all answer without an error, with ids of what is there', async () => {
    await visitor.open();
    const [{ queries }] = JSON.parse(await visitor.stored('queryCollections')) as [
      { queries: { windowName: string; query: string; variables: string }[] },
    ];
    expect(queries).toHaveLength(PLAYGROUND_OPERATIONS.length);
    const answers = await Promise.all(
      queries.map(async ({ windowName, query, variables }) => {
        const { data, errors } = await execute(gateway, query, variables);
        return {
          windowName,
          errors,
          hasAll: !Object.values(data ?? { nothing: null }).includes(null),
        };
      }),
    );
    expect(answers).toEqual(
      queries.map(({ windowName }) => ({ windowName, errors: undefined, hasAll: true })),
    );
  });

  test('shows what the schema says of itself beside the operation', async () => {
    await visitor.open();
    const { data } = await execute(
      gateway,
      '{ __type(name: "Viewer") { description fields { name description } } }',
    );
    const viewer = data as {
      __type: { description: string; fields: { name: string; description: string }[] };
    };
    await visitor.page.click('[track-id="show_docs"]');
    const docs = visitor.page.locator('app-doc-viewer');
    await docs.getByText('Query', { exact: true }).click();
    await docs.getByText('Viewer!', { exact: true }).click();
    await docs.getByText(viewer.__type.description).waitFor();
    const text = await docs.innerText();
    for (const { description } of viewer.__type.fields) expect(text).toContain(description);
  });

  test("keeps the visitor's own work, and does not begin again, on the next visit", async () => {
    await visitor.open();
    await visitor.write('query Mine { viewer { kind } }');
    await visitor.saved('query Mine');
    await visitor.open();
    await visitor.page.getByText('query Mine {').waitFor();
    expect(await visitor.tabs.allInnerTexts()).toHaveLength(3);
    await visitor.page.click('[track-id="show_collections"]');
    await visitor.page.click('[data-test-id="collection-collapse"]');
    await visitor.collection.first().waitFor();
    expect(await visitor.collection.count()).toBe(PLAYGROUND_OPERATIONS.length);
  });

  test('puts the demo key of today in place of the one of the last visit', async () => {
    const outdated = 'wvr_of_a_database_that_is_gone';
    await visitor.page.route('**/playground/start-config.json', async route => {
      const response = await route.fetch();
      await route.fulfill({
        response,
        body: (await response.text())
          .replaceAll(gateway.demoKey, outdated)
          .replace('"edition":"', '"edition":"former-'),
      });
    });
    await visitor.open();
    await visitor.answerPane.getByText('UNAUTHENTICATED').waitFor();
    await visitor.saved('UNAUTHENTICATED');
    await visitor.page.unroute('**/playground/start-config.json');
    visitor.complaints.length = 0; // Altair says that it could not read the schema.

    await visitor.open();
    const answer = await visitor.answerTo(() => visitor.send());
    expect(answer).toMatchObject({ data: { viewer: { kind: 'API_KEY' } } });
  });

  test("runs a visitor's script before the request, in a worker without a network", async () => {
    await visitor.open();
    await visitor.page.getByText('Pre-request', { exact: true }).click();
    await visitor.page.getByText('Enable pre-request script').click();
    await visitor.page.locator('app-pre-request-editor .cm-content').click();
    await visitor.page.keyboard.insertText(
      'altair.log(await fetch("/health/live").then(() => "reached", () => "held back"));',
    );
    await visitor.answerTo(() => visitor.send());
    await visitor.page.getByText('Logs', { exact: true }).click();
    const log = visitor.answerPane.locator('.request-script-logs__line-text');
    await log.waitFor();
    expect(await log.innerText()).toBe('"held back"');
    visitor.complaints.length = 0; // The browser says that the policy held the script back.
  });
});

const AWKWARD: [what: string, json: string][] = [
  ['a float of many digits', '0.25853853533296134'],
  ['a whole number beyond 2^53', '750727362669608961'],
  ['a number beyond a double', '1e400'],
  ['a number that ends in a zero', '1.50'],
  ['negative zero', '-0'],
  ['a number in a text', '"750727362669608961"'],
  [
    'members named like those of every object',
    '{"constructor":{"prototype":1},"__proto__":{"toString":2}}',
  ],
  ['an object with a member named rawJSON', '{"rawJSON":"1"}'],
];

/** JSON with two spaces a level and every number as it stands. */
function indented(json: string): string {
  const exact = JSON as unknown as { rawJSON(text: string): unknown };
  const read = (_: string, value: unknown, context?: { source: string }) =>
    typeof value === 'number' ? exact.rawJSON(context!.source) : value;
  return JSON.stringify(JSON.parse(json, read), null, 2);
}

interface Answer {
  data?: Record<string, unknown> | null;
  errors?: unknown[];
}

async function execute(
  { url, demoKey }: { url: string; demoKey: string },
  query: string,
  variables = '{}',
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${demoKey}` },
    body: JSON.stringify({ query, variables: JSON.parse(variables) as object }),
  });
  return (await response.json()) as Answer;
}

type Visitor = Awaited<ReturnType<typeof newVisitor>>;

/** A browser that was never here before, held off from all other servers. */
async function newVisitor(browser: Browser, url: string) {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: 1440, height: 900 },
  });
  context.setDefaultTimeout(60_000);
  const strangers: string[] = [];
  const complaints: string[] = [];
  await context.route(
    address => address.origin !== new URL(url).origin,
    async route => {
      strangers.push(route.request().url());
      await route.abort();
    },
  );
  const page: Page = await context.newPage();
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  const isOperation = (request: Request) =>
    request.method() === 'POST' && !(request.postData() ?? '').includes('IntrospectionQuery');
  return {
    context,
    page,
    strangers,
    complaints,
    tabs: page.locator('app-window-switcher-item'),
    collection: page.locator('[data-test-id="query-item-title"]'),
    answerPane: page.locator('app-query-result'),
    tab: (name: string) => page.locator('.window-switcher__item', { hasText: name }),
    activeTab: (name: string) => page.locator('.window-switcher__item--active', { hasText: name }),
    /**
     * The page with the answer to the first operation, which it sends itself, or with that of the
     * last visit.
     */
    async open() {
      await page.goto(`${url}/playground`);
      await page.locator('app-query-result .cm-content').waitFor();
    },
    async send() {
      await page.locator('[track-id="set_request"]').click();
    },
    /** What the server answers to the operation that `action` makes the page send. */
    async answerTo(action: () => Promise<void>): Promise<Answer> {
      return JSON.parse(await this.answerTextTo(action)) as Answer;
    },
    async answerTextTo(action: () => Promise<void>): Promise<string> {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      // On its way, since Altair reads it as a stream and leaves nothing for the browser's log.
      const listen = async (route: Route) => {
        const response = await route.fetch();
        if (isOperation(route.request())) response.text().then(resolve, reject);
        await route.fulfill({ response });
      };
      await page.route('**/graphql', listen);
      try {
        await action();
        return await promise;
      } finally {
        await page.unroute('**/graphql', listen);
      }
    },
    /** The body of the next request that `action` makes the page send. */
    async bodyOf(action: () => Promise<void>): Promise<string> {
      const sent = page.waitForRequest(
        request => request.url().endsWith('/graphql') && isOperation(request),
      );
      await action();
      return (await sent).postData() ?? '';
    },
    shownAnswer: async () =>
      (await page.locator('app-query-result .cm-content .cm-line').allInnerTexts()).join('\n'),
    async writeVariables(text: string) {
      await page.locator('[track-id="toggle_variables"]').click();
      await page.locator('app-variables-editor .cm-content').click();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.insertText(text);
    },
    /** Replaces the operation in the open tab. */
    async write(text: string) {
      await page.locator('.query-editor__input .cm-content').click();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.insertText(text);
    },
    /** What Altair keeps in a store of its database, as JSON. */
    stored: (store: 'appState' | 'queryCollections') => page.evaluate<string>(readAll(store)),
    /**
     * Waits until the browser has stored `text`, which Altair does a second later; asking all the
     * time would get in its way.
     */
    async saved(text: string) {
      await expect
        .poll(() => this.stored('appState'), { interval: 1_000, timeout: 20_000 })
        .toContain(text);
    },
  };
}

const readAll = (store: string) => `new Promise((resolve, reject) => {
  const opening = indexedDB.open('AltairDB');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const reading = opening.result.transaction('${store}').objectStore('${store}').getAll();
    reading.onerror = reject;
    reading.onsuccess = () => {
      opening.result.close();
      resolve(JSON.stringify(reading.result));
    };
  };
})`;
