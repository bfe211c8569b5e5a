import { Field, ID, InputType, Int, type ClassType } from 'type-graphql';
import { BigIntScalar, DateTimeScalar, JSONObjectScalar } from './scalars.js';

/** What every `<Type>Filter` says of the fields that combine others. */
export const AND = 'All of these must hold, at most 100. An empty list always holds.';
export const OR =
  'At least one of these must hold, at most 100. Alternatives without a condition are ' +
  'ignored. An empty list matches nothing.';
export const NOT =
  'This must not hold. Rows without a value match too: `not: {pageNum: {eq: 3}}` also ' +
  'finds chunks without a page. Ignored if it contains no condition.';

// One input per kind of value. An operator that is left out, or null, asks nothing, and so does
// whatever holds nothing else.

const EQ = 'Equal to this.';
const IN = 'Equal to one of these, at most 100. An empty list matches nothing.';
const IS_NULL = 'true: has no value. false: has one.';

@InputType({ description: 'Compares an id.' })
export class IDFilter {
  @Field(() => ID, { nullable: true, description: EQ })
  eq?: string | null;
  @Field(() => [ID], { nullable: true, description: IN })
  in?: string[] | null;
  @Field(() => Boolean, { nullable: true, description: IS_NULL })
  isNull?: boolean | null;
}

@InputType({ description: 'Compares a text.' })
export class StringFilter {
  @Field(() => String, {
    nullable: true,
    description:
      'Equal to this, including case. Composed (NFC) and decomposed (NFD) letters are equal.',
  })
  eq?: string | null;
  @Field(() => [String], {
    nullable: true,
    description:
      'Equal to one of these in the sense of `eq`, at most 100. An empty list matches nothing.',
  })
  in?: string[] | null;
  @Field(() => String, {
    nullable: true,
    description: 'Contains this, ignoring case and Unicode normal form. At most 1,000 characters.',
  })
  contains?: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'Begins with this, ignoring case and Unicode normal form. At most 1,000 characters.',
  })
  startsWith?: string | null;
  @Field(() => Boolean, { nullable: true, description: IS_NULL })
  isNull?: boolean | null;
}

@InputType({
  description:
    'Compares a list of texts, each as a whole and including case. Composed (NFC) and decomposed ' +
    '(NFD) letters are equal.',
})
export class StringListFilter {
  @Field(() => [String], {
    nullable: true,
    description: 'Has at least one of these, at most 100. An empty list matches nothing.',
  })
  hasAny?: string[] | null;
  @Field(() => [String], {
    nullable: true,
    description: 'Has all of these, at most 100. An empty list matches everything.',
  })
  hasAll?: string[] | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'true: the list is empty. false: the list is not empty.',
  })
  isEmpty?: boolean | null;
}

@InputType({ description: 'Compares a boolean.' })
export class BooleanFilter {
  @Field(() => Boolean, { nullable: true, description: EQ })
  eq?: boolean | null;
}

@InputType({ description: 'Compares a JSON object.' })
export class JSONObjectFilter {
  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'Contains at least these members with these values. ' +
      'https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT',
  })
  contains?: Record<string, unknown> | null;
}

function rangeFilter<T>(
  name: string,
  what: string,
  type: () => unknown,
): ClassType<RangeFilter<T>> {
  const scalar = type as () => typeof Int;

  @InputType(name, { description: `Compares ${what}.` })
  class Range {
    @Field(scalar, { nullable: true, description: EQ })
    eq?: T | null;
    @Field(() => [scalar()], { nullable: true, description: IN })
    in?: T[] | null;
    @Field(scalar, { nullable: true, description: 'Greater than this.' })
    gt?: T | null;
    @Field(scalar, { nullable: true, description: 'Greater than or equal to this.' })
    gte?: T | null;
    @Field(scalar, { nullable: true, description: 'Less than this.' })
    lt?: T | null;
    @Field(scalar, { nullable: true, description: 'Less than or equal to this.' })
    lte?: T | null;
    @Field(() => Boolean, { nullable: true, description: IS_NULL })
    isNull?: boolean | null;
  }
  return Range as ClassType<RangeFilter<T>>;
}

export interface RangeFilter<T> {
  eq?: T | null;
  in?: T[] | null;
  gt?: T | null;
  gte?: T | null;
  lt?: T | null;
  lte?: T | null;
  isNull?: boolean | null;
}

export const IntFilter = rangeFilter<number>('IntFilter', 'a whole number', () => Int);
export const BigIntFilter = rangeFilter<string>(
  'BigIntFilter',
  'a large whole number',
  () => BigIntScalar,
);
export const DateTimeFilter = rangeFilter<string>(
  'DateTimeFilter',
  'a point in time',
  () => DateTimeScalar,
);

export interface EnumFilter<E> {
  eq?: E | null;
  in?: E[] | null;
  isNull?: boolean | null;
}

/** The input `<Name>Filter` for an enum that type-graphql knows as `name`. */
export function enumFilter<E>(enumType: object, name: string): ClassType<EnumFilter<E>> {
  const type = () => enumType as never;

  @InputType(`${name}Filter`, { description: `Compares an enum value of type ${name}.` })
  class EnumComparison {
    @Field(type, { nullable: true, description: EQ })
    eq?: E | null;
    @Field(() => [enumType as never], { nullable: true, description: IN })
    in?: E[] | null;
    @Field(() => Boolean, { nullable: true, description: IS_NULL })
    isNull?: boolean | null;
  }
  return EnumComparison as ClassType<EnumFilter<E>>;
}
