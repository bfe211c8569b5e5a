import { Extensions } from 'type-graphql';

/** The key of a list's size in a field's GraphQL extensions. */
export const LIST_SIZE = 'listSize';

export interface ListSize {
  /**
   * The argument that says how many there are at most, such as `first` or `input.topK`; of a list,
   * its length counts.
   */
  readonly argument: string;
  /** How many there are without it. */
  readonly default: number;
}

/**
 * Says how many objects a field may lead to, so that operations are refused by what they could read
 * before they read it. Connections need no word: their size is `first` or `last`. Any other list
 * counts as ten.
 */
export function Sized(argument: string, fallback = 1): MethodDecorator & PropertyDecorator {
  return Extensions({ [LIST_SIZE]: { argument, default: fallback } satisfies ListSize });
}
