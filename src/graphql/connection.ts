import { ArgsType, Field, Int, ObjectType, type ClassType } from 'type-graphql';

@ObjectType({
  simpleResolvers: true,
  description:
    'Where a page stands in its list. ' +
    'https://relay.dev/graphql/connections.htm#sec-undefined.PageInfo',
})
export class PageInfo {
  @Field(() => Boolean, {
    description:
      'Whether the list goes on after this page; with `first: 0`, whether there is ' +
      'anything at all. Of a page taken with `last`, whether `before` was given.',
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description:
      'Whether the list goes on before this page; with `last: 0`, whether there is ' +
      'anything at all. Of a page taken with `first`, whether `after` was given.',
  })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the first edge; null for an empty page.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last edge; null for an empty page.',
  })
  endCursor!: string | null;
}

/** Largest page, and the page size where neither `first` nor `last` is given. */
export const MAX_PAGE_SIZE = 100;
export const DEFAULT_PAGE_SIZE = 20;

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description:
      'Take this many from the start, 0 to 100; 20 where neither `first` nor `last` is given.',
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'Only what comes after this cursor.' })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Take this many from the end, 0 to 100. Not together with `first`.',
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'Only what comes before this cursor.' })
  before?: string | null;
}

export interface Edge<T> {
  readonly cursor: string;
  readonly node: T;
}

/** A page as resolvers give it: what was not selected is not there. */
export interface Connection<T> {
  readonly edges: readonly Edge<T>[];
  readonly nodes: readonly T[];
  readonly pageInfo: PageInfo;
  readonly totalCount: number | undefined;
}

/**
 * The object types `<Name>Connection` and `<Name>Edge` for an entity:
 * https://relay.dev/graphql/connections.htm
 */
export function connectionOf<T extends object>(
  entity: ClassType<T>,
  things: string,
): ClassType<Connection<T>> {
  const name = entity.name;

  @ObjectType(`${name}Edge`, {
    simpleResolvers: true,
    description: `One of the ${things} in a list.`,
  })
  class EdgeType {
    @Field(() => String, { description: 'Its place in the list, for `after` and `before`.' })
    cursor!: string;

    @Field(() => entity, { description: 'The object itself.' })
    node!: T;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of ${things}.` })
  class ConnectionType {
    @Field(() => [EdgeType], { description: 'The page, each object with its cursor.' })
    edges!: EdgeType[];

    @Field(() => [entity], { description: 'The page, the objects alone.' })
    nodes!: T[];

    @Field(() => PageInfo, { description: 'Where the page stands in the list.' })
    pageInfo!: PageInfo;

    @Field(() => Int, {
      description:
        'How many there are in all pages together. Costs a count; ask only when you show it.',
    })
    totalCount!: number;
  }
  return ConnectionType as ClassType<Connection<T>>;
}
