import { Arg } from 'type-graphql';

/** The one argument of a mutation. */
export function InputArg(type: () => Function): ReturnType<typeof Arg> {
  return Arg('input', type, { description: 'The input of the mutation.' });
}
