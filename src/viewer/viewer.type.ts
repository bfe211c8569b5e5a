import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { permissionsOf } from '../auth/permissions.js';
import { ApiKeyScope, type Principal } from '../auth/principal.js';

export enum ViewerKind {
  API_KEY = 'apiKey',
  USER = 'user',
  OPERATOR = 'operator',
}
registerEnumType(ViewerKind, {
  name: 'ViewerKind',
  description: 'The kind of caller.',
  valuesConfig: {
    API_KEY: { description: 'A program with an API key of a tenant.' },
    USER: { description: 'A person of a tenant, signed in at the identity provider.' },
    OPERATOR: { description: 'The operator, who sees all tenants.' },
  },
});

@ObjectType({ simpleResolvers: true, description: 'The caller and what they may do.' })
export class Viewer {
  @Field(() => ViewerKind, { description: 'What kind of caller this is.' })
  kind!: ViewerKind;

  @Field(() => [ApiKeyScope], {
    description: 'What the caller may do. WRITE includes VECTORS, which is then not listed.',
  })
  scopes!: ApiKeyScope[];
}

/** A viewer with the ids of what their fields lead to. */
export type ViewerWithIds = Viewer & {
  readonly tenantId: string | null;
  readonly apiKeyId: string | null;
  readonly userId: string | null;
};

/** `Viewer.kind` of each principal. Nobody's operations are refused before. */
const KINDS = {
  apiKey: ViewerKind.API_KEY,
  user: ViewerKind.USER,
  operator: ViewerKind.OPERATOR,
  nobody: ViewerKind.OPERATOR,
} satisfies Record<Principal['kind'], ViewerKind>;

export function viewerOf(principal: Principal): ViewerWithIds {
  const permissions = permissionsOf(principal);
  return {
    kind: KINDS[principal.kind],
    scopes: Object.values(ApiKeyScope).filter(scope => permissions.has(scope)),
    tenantId: 'tenantId' in principal ? principal.tenantId : null,
    apiKeyId: principal.kind === 'apiKey' ? principal.keyId : null,
    userId: principal.kind === 'user' ? principal.userId : null,
  };
}
