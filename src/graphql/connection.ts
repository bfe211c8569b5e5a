import { ArgsType, Field, Int, ObjectType, type ClassType } from 'type-graphql';

@ObjectType({
  simpleResolvers: true,
  description:
    'The position of a page in its list. ' +
    'https://relay.dev/graphql/connections.htm#sec-undefined.PageInfo',
})
export class PageInfo {
  @Field(() => Boolean, {
    description:
      'Whether there are more objects after this page; with `first: 0`, whether there ' +
      'are any at all. With `last`, whether `before` was set.',
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description:
      'Whether there are more objects before this page; with `last: 0`, whether there ' +
      'are any at all. With `first`, whether `after` was set.',
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
      'The number of objects from the start, 0 to 100; 20 if neither `first` nor `last` is set.',
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'Only objects after this cursor.' })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of objects from the end, 0 to 100. Cannot be combined with `first`.',
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'Only objects before this cursor.' })
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
    @Field(() => String, { description: 'The cursor of the object, for `after` and `before`.' })
    cursor!: string;

    @Field(() => entity, { description: 'The object.' })
    node!: T;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of ${things}.` })
  class ConnectionType {
    @Field(() => [EdgeType], { description: 'The objects of the page, each with its cursor.' })
    edges!: EdgeType[];

    @Field(() => [entity], { description: 'The objects of the page.' })
    nodes!: T[];

    @Field(() => PageInfo, { description: 'The position of the page in the list.' })
    pageInfo!: PageInfo;

    @Field(() => Int, {
      description:
        'The number of objects in all pages together. Counting takes time, so select it ' +
        'only if you need it.',
    })
    totalCount!: number;
  }
  return ConnectionType as ClassType<Connection<T>>;
}
