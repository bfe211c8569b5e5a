/**
 * Starts Altair in the browser, after Altair's own modules: the first visit finds everything ready
 * to run, later ones the visitor's own work. Altair has options for tabs but none for collections,
 * so this writes to the database where Altair keeps both (IndexedDB "AltairDB"). Should that fail,
 * as after a change inside Altair, the page works all the same without the collection.
 *
 * What the visitor made stays. Tabs are Altair's to keep. In the collection only operations that
 * nobody changed are replaced, and only by another edition (Altair moves `updated_at` when it
 * saves). A former demo key, which opens nothing any more, gives way to the present one.
 */
const { config, edition } = await fetch(new URL('start-config.json', document.baseURI)).then(
  response => response.json(),
);

const MEMORY = 'weaver_playground';
const COLLECTION = 'weaver';

// Relative to the page's base, <root>/playground/, so that a proxy may serve the gateway under any
// path.
const urlOf = path => new URL('..' + path, document.baseURI).href;
const endpointUrl = urlOf(config.endpoint);
// Altair sends no header that has no value.
const headers = { Authorization: config.demoKey ? 'Bearer ' + config.demoKey : '' };
const last = rememberedVisit();

function rememberedVisit() {
  try {
    return JSON.parse(localStorage.getItem(MEMORY)) ?? {};
  } catch {
    return {};
  }
}

const settled = request =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });

async function openDatabase() {
  const exists = (await indexedDB.databases()).some(({ name }) => name === 'AltairDB');
  // On the very first visit Altair has yet to make it. This is its schema 5; Dexie, which it uses,
  // multiplies by ten.
  const opening = indexedDB.open('AltairDB', exists ? undefined : 50);
  opening.addEventListener('upgradeneeded', () => {
    const make = (name, keyPath, autoIncrement, ...indexes) => {
      const store = opening.result.createObjectStore(name, { keyPath, autoIncrement });
      for (const index of indexes) store.createIndex(index, index);
    };
    make('queryCollections', 'id', true, 'title', 'parentPath');
    make('appState', 'key', false);
    make('selectedFiles', 'id', false, 'windowId');
    make('localActionLogs', 'id', true);
  });
  return settled(opening);
}

async function fetchSampleIds() {
  if (!config.demoKey) return {};
  const response = await fetch(endpointUrl, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: config.sampleIds.query }),
  });
  const { data } = await response.json();
  const document = data?.documents.nodes[0];
  return { documentId: document?.id, botId: document?.bot.id };
}

async function collectionQueries() {
  const ids = await fetchSampleIds().catch(() => ({}));
  const fillIn = variables =>
    variables
      .replace(
        JSON.stringify(config.sampleIds.documentId),
        JSON.stringify(ids.documentId ?? '00000000-0000-0000-0000-000000000000'),
      )
      .replace(JSON.stringify(config.sampleIds.botId), JSON.stringify(ids.botId ?? null));
  const now = Date.now();
  return config.operations.map(({ name, query, variables }) => ({
    version: 1,
    type: 'window',
    id: COLLECTION + '-' + name,
    windowName: name,
    query,
    variables: fillIn(variables),
    apiUrl: endpointUrl,
    subscriptionUrl: '',
    headers: [], // so that its tab gets the headers of any new tab
    storageType: 'local',
    // The same for all: Altair sorts by time, and then they stay in this order.
    created_at: now,
    updated_at: now,
  }));
}

async function refreshCollection(store, queries) {
  const found = await settled(store.get(COLLECTION));
  const isUntouched = query =>
    query.id?.startsWith(COLLECTION + '-') && query.created_at === query.updated_at;
  const kept = found?.queries.filter(query => !isUntouched(query)) ?? [];
  const now = Date.now();
  await settled(
    store.put({
      title: 'Weaver',
      workspaceId: 'local',
      storageType: 'local',
      parentPath: '',
      created_at: now,
      updated_at: now,
      ...found,
      id: COLLECTION,
      queries: [...queries.filter(query => !kept.some(({ id }) => id === query.id)), ...kept],
    }),
  );
}

async function replaceEverywhere(store, former, present) {
  const rows = await settled(store.getAll());
  const stale = rows.map(row => JSON.stringify(row)).filter(text => text.includes(former));
  await Promise.all(
    stale.map(text => settled(store.put(JSON.parse(text.replaceAll(former, present))))),
  );
}

async function prepareDatabase() {
  const queries = await collectionQueries();
  const database = await openDatabase();
  try {
    const transaction = database.transaction(['queryCollections', 'appState'], 'readwrite');
    const collections = transaction.objectStore('queryCollections');
    await refreshCollection(collections, queries);
    if (last.demoKey && config.demoKey && last.demoKey !== config.demoKey) {
      await replaceEverywhere(collections, last.demoKey, config.demoKey);
      await replaceEverywhere(transaction.objectStore('appState'), last.demoKey, config.demoKey);
    }
  } finally {
    database.close();
  }
  localStorage.setItem(
    MEMORY,
    JSON.stringify({ edition, demoKey: config.demoKey ?? last.demoKey }),
  );
}

function startAltair() {
  const subscriptions = config.subscriptionsEndpoint && {
    subscriptionsEndpoint: urlOf(config.subscriptionsEndpoint).replace('http', 'ws'),
    initialSubscriptionRequestHandlerId: 'graphql-ws',
    initialSubscriptionsPayload: config.demoKey ? headers : {},
  };
  const tab = ({ name, query, variables }) => ({
    initialName: name,
    initialQuery: query,
    initialVariables: variables,
    initialHeaders: headers,
    endpointURL: endpointUrl,
    ...subscriptions,
  });
  AltairGraphQL.init({
    ...tab(config.operations[0]), // for a new tab
    initialWindows: config.operations.filter(({ name }) => config.opened.includes(name)).map(tab),
    instanceStorageNamespace: 'weaver_',
    preserveState: true,
    disableAccount: true,
    initialSettings: { 'schema.reloadOnStart': true },
    persistedSettings: {
      'banners.disable': true,
      'alert.disableUpdateNotification': true,
      disablePushNotification: true,
    },
  });
  // The only switch there is for the request to donate, which would lead away from this server.
  getAltairConfig().donation.action_count_threshold = Infinity;
}

// Before it runs a visitor's script in a worker, Altair tries eval("1") in the page. Here it is
// forbidden; in the worker it is not.
// oxlint-disable-next-line no-eval
const nativeEval = globalThis.eval;
// oxlint-disable-next-line no-eval
globalThis.eval = source => (source === '1' ? 1 : nativeEval(source));

// Altair announces each time that it has read the schema, which it does for every tab.
function hideSchemaToasts() {
  const toasts = document.getElementsByClassName('toast-success');
  const hide = () => {
    for (const toast of toasts) toast.hidden = toast.textContent.includes('Reloaded doc');
  };
  new MutationObserver(hide).observe(document.body, { childList: true, subtree: true });
}

async function clickWhenThere(selector) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const element = document.querySelector(selector);
    if (element) return element.click();
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

// Opens the collection and the first tab (Altair leaves the last one open), and shows what an
// answer looks like.
async function welcome() {
  await clickWhenThere('[track-id="show_collections"]');
  await clickWhenThere('[data-test-id="collection-collapse"]');
  await clickWhenThere('.window-switcher__item');
  if (config.demoKey) await clickWhenThere('[track-id="set_request"]');
}

if (last.edition !== edition) {
  await prepareDatabase().catch(error => {
    // oxlint-disable-next-line no-console
    console.warn('The collection "Weaver" could not be prepared.', error);
  });
}
hideSchemaToasts();
startAltair();
if (!last.edition) await welcome();
