import {
  getNamedType,
  getNullableType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** A random operation and its variables. */
export interface WrittenOperation {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

const CONDITIONS = 3;

/**
 * Writes valid queries of whatever a schema has: aliases, inline and named fragments, the same fragment in several places, @skip and
 * @include with variables and without, arguments as literals and as variables.
 */
export class OperationWriter {
  #fragments = new Map<string, string>();
  #definitions = new Map<string, string>();
  #variables: Record<string, unknown> = {};
  #names = 0;

  /**
   * `next` gives numbers from 0 and below 1. `samples` makes values of arguments by the name of their type. Optional arguments of other
   * types are left out, as is one whose sample is undefined; fields that need others are left out themselves.
   */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly next: () => number,
    private readonly samples: Readonly<Record<string, (argument: GraphQLArgument) => unknown>>,
  ) {}

  write(depth: number): WrittenOperation {
    this.#fragments = new Map();
    this.#definitions = new Map();
    this.#variables = {};
    this.#names = 0;
    for (let index = 0; index < CONDITIONS; index += 1) {
      this.#definitions.set(`v${index}`, 'Boolean!');
      this.#variables[`v${index}`] = this.#chance(0.5);
    }
    const selected = this.#selection(this.schema.getQueryType()!, depth);
    // Every variable must be used somewhere.
    const used = `used: __typename ${Array.from({ length: CONDITIONS }, (_, index) => `@include(if: $v${index}) `).slice(0, 1).join('')}`;
    const rest = Array.from({ length: CONDITIONS - 1 }, (_, index) => `used${index}: __typename @skip(if: $v${index + 1})`).join(' ');
    const definitions = Array.from(this.#definitions, ([name, type]) => `$${name}: ${type}`).join(', ');
    return { query: [`query Random(${definitions}) { ${used} ${rest} ${selected} }`, ...this.#fragments.values()].join('\n'), variables: this.#variables };
  }

  #chance(probability: number): boolean {
    return this.next() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  #selection(type: GraphQLObjectType, depth: number): string {
    const fields = Object.values(type.getFields()).filter(field => (depth > 0 || isLeafType(getNamedType(field.type))) && this.#canCall(field));
    if (fields.length === 0) return '__typename';
    return Array.from({ length: 1 + Math.floor(this.next() * 4) }, () => this.#part(type, fields, depth)).join(' ');
  }

  #part(type: GraphQLObjectType, fields: readonly GraphQLField<unknown, unknown>[], depth: number): string {
    if (this.#chance(0.05)) return `__typename${this.#condition()}`;
    if (this.#chance(0.12)) return `...${this.#chance(0.5) ? ` on ${type.name}` : ''}${this.#condition()} { ${this.#selection(type, depth)} }`;
    if (this.#chance(0.12)) return `...${this.#fragment(type, depth)}${this.#condition()}`;
    return this.#call(this.#pick(fields), depth);
  }

  /** A fragment on `type`, sometimes one that stands elsewhere already. */
  #fragment(type: GraphQLObjectType, depth: number): string {
    const known = [...this.#fragments.keys()].filter(name => name.startsWith(`${type.name}_${depth}_`));
    if (known.length > 0 && this.#chance(0.6)) return this.#pick(known);
    const selected = this.#selection(type, depth);
    const name = `${type.name}_${depth}_${this.#names++}`;
    this.#fragments.set(name, `fragment ${name} on ${type.name} { ${selected} }`);
    return name;
  }

  #condition(): string {
    if (this.#chance(0.6)) return '';
    const value = this.#chance(0.7) ? `$v${Math.floor(this.next() * CONDITIONS)}` : String(this.#chance(0.5));
    return ` @${this.#chance(0.5) ? 'skip' : 'include'}(if: ${value})`;
  }

  #canCall(field: GraphQLField<unknown, unknown>): boolean {
    const type = getNamedType(field.type);
    return (isObjectType(type) || isLeafType(type)) && field.args.every(argument => !isNonNullType(argument.type) || argument.defaultValue !== undefined || this.#hasSample(argument));
  }

  #hasSample(argument: GraphQLArgument): boolean {
    return getNamedType(argument.type).name in this.samples;
  }

  #call(field: GraphQLField<unknown, unknown>, depth: number): string {
    const given = field.args.filter(argument => this.#hasSample(argument) && (isNonNullType(argument.type) || this.#chance(0.4)));
    const args = given.flatMap(argument => {
      const value = this.samples[getNamedType(argument.type).name]!(argument);
      return value === undefined ? [] : [`${argument.name}: ${this.#value(argument, value)}`];
    });
    // With an alias of its own, the same field with other arguments can stand beside it.
    const alias = args.length > 0 || this.#chance(0.3) ? `a${this.#names++}: ` : '';
    const type = getNamedType(field.type);
    const below = isObjectType(type) ? ` { ${this.#selection(type, depth - 1)} }` : '';
    return `${alias}${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}${this.#condition()}${below}`;
  }

  #value(argument: GraphQLArgument, value: unknown): string {
    if (this.#chance(0.4)) {
      const name = `x${this.#names++}`;
      this.#definitions.set(name, String(argument.type));
      this.#variables[name] = value;
      return `$${name}`;
    }
    return literal(value, isEnumType(getNamedType(argument.type)) && !isListType(getNullableType(argument.type)));
  }
}

function literal(value: unknown, isEnum: boolean): string {
  if (isEnum) return String(value);
  if (Array.isArray(value)) return `[${value.map(item => literal(item, false)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{ ${Object.entries(value).map(([key, item]) => `${key}: ${literal(item, false)}`).join(', ')} }`;
  return JSON.stringify(value);
}
