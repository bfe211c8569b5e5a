import { InvalidArgumentError } from 'commander';

/** Reads an option's value as a whole number from `min` to `max`, of `unit` if that is given. */
export function wholeNumber(min: number, max: number, unit?: string): (value: string) => number {
  return value => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new InvalidArgumentError(
        `Give a whole number${unit === undefined ? '' : ` of ${unit}`} from ${min} to ${max}.`,
      );
    return number;
  };
}
