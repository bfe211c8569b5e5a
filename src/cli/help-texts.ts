/** Of commands that use the database as the gateway does. */
export const USING_DATABASE = `
Environment:
  DATABASE_URL             the database, as the gateway's own login; not set: the embedded one in
                           WEAVER_DATA_DIR`;

/** Of commands that embed texts as well. */
export const EMBEDDING_TEXTS = `${USING_DATABASE}
  EMBEDDING_PROVIDER       hashing or openai, and beside it EMBEDDING_BASE_URL, EMBEDDING_MODEL,
                           EMBEDDING_API_KEY`;
