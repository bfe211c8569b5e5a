import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { ApiKeyScope } from '../auth/principal.js';

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
