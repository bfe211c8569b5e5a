import { Field, ID, InterfaceType } from 'type-graphql';

/** Where a row that came through `node` or `nodes` says which type it is. */
export const TYPE_NAME = '__typename';

/** Relay's Global Object Identification: https://relay.dev/graphql/objectidentification.htm */
@InterfaceType({
  description: 'An object that can be fetched again by its id alone.',
  resolveType: (value: { [TYPE_NAME]: string }) => value[TYPE_NAME],
})
export abstract class Node {
  @Field(() => ID, { description: "The object's UUID, unique across all types." })
  id!: string;
}
