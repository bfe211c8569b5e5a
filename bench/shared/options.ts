import { InvalidArgumentError } from 'commander';

/** A number of the command line that must be greater than 0. */
export function toNumber(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It must be a number greater than 0.');
  return number;
}
