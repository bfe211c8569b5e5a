import { registerEnumType } from 'type-graphql';

/** What an API key may do. Stored in lower case, shown in capitals. */
export enum ApiKeyScope {
  READ = 'read',
  WRITE = 'write',
  SEARCH = 'search',
  ASK = 'ask',
  ADMIN = 'admin',
  VECTORS = 'vectors',
}
registerEnumType(ApiKeyScope, {
  name: 'ApiKeyScope',
  description: 'What an API key may do.',
  valuesConfig: {
    READ: { description: 'Read everything of the tenant except vectors.' },
    WRITE: { description: 'Change bots, documents and chunks. Includes VECTORS.' },
    SEARCH: { description: 'Search the chunks.' },
    ASK: { description: 'Log questions and answers of bots (`recordBotQuery`).' },
    ADMIN: { description: 'Manage users and keys.' },
    VECTORS: {
      description: 'Read the vectors of chunks. Chunks themselves need READ or SEARCH.',
    },
  },
});

/** What a user may do in their tenant. Stored in lower case, shown in capitals. */
export enum UserRole {
  OWNER = 'owner',
  ADMIN = 'admin',
  MEMBER = 'member',
}
registerEnumType(UserRole, {
  name: 'UserRole',
  description: 'What a user may do in their tenant.',
  valuesConfig: {
    OWNER: { description: 'Everything in the tenant, including other owners.' },
    ADMIN: { description: 'Everything except managing owners and the tenant itself.' },
    MEMBER: { description: 'Reading, searching and asking.' },
  },
});

/** Who is asking. Everything that a request may see follows from this. */
export type Principal =
  | {
      kind: 'apiKey';
      tenantId: string;
      keyId: string;
      scopes: ReadonlySet<ApiKeyScope>;
      rateLimitRpm: number;
    }
  | { kind: 'user'; tenantId: string; userId: string; role: UserRole }
  | { kind: 'operator' }
  | { kind: 'nobody' };
