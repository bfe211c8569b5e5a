import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';

/** A random operation and its variables. */
export interface WrittenOperation {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  /** Given where the document has other operations as well, and not always the right one. */
  readonly operationName?: string;
}

export interface WriterOptions {
  readonly operation?: 'query' | 'mutation';
  /** Fields of interfaces and unions, and of objects that are asked for their type, too. */
  readonly abstract?: boolean;
  /** __schema and __type, too. */
  readonly introspection?: boolean;
  /**
   * Variables of which some are missing, null or of a wrong kind, and conditions that may be null.
   */
  readonly invalidChance?: boolean;
}

/**
 * A value for a type by its name, `undefined` for none this time. An input object with `fields` is
 * made of its fields.
 */
export type Samples = Readonly<
  Record<string, ((argument: GraphQLArgument | GraphQLInputField) => unknown) | 'fields'>
>;

type TakenNames = GraphQLArgument | GraphQLInputField;

const CONDITIONS = ['a', 'b', 'c'];

/** Fields and fragments of an operation, about: beyond, there are no more levels. */
const LARGE = 50;

const WRONG: readonly unknown[] = [
  'text',
  1.5,
  true,
  [],
  {},
  [[1]],
  { x: 'text' },
  { unknown: 1 },
  ['RED', 7],
  null,
];

/**
 * Writes queries and mutations of whatever a schema has: aliases; inline and named fragments, also
 * on interfaces and in one another, and the same one in several places; @skip and @include with
 * variables and without; arguments as literals, as variables and with variables in them, with
 * defaults and nulls. Nearly all are valid.
 */
export class OperationWriter {
  #fragments = new Map<string, string>();
  #definitions = new Map<string, string>();
  #variables: Record<string, unknown> = {};
  #options: WriterOptions = {};
  #names = 0;
  #parts = 0;

  /**
   * `next` gives numbers from 0 and below 1. Optional arguments of types without a sample are left
   * out; fields that need others, too.
   */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly next: () => number,
    private readonly samples: Samples,
  ) {}

  write(depth: number, options: WriterOptions = {}): WrittenOperation {
    this.#fragments = new Map();
    this.#definitions = new Map();
    this.#variables = {};
    this.#options = options;
    this.#names = 0;
    this.#parts = 0;
    for (const name of CONDITIONS) {
      this.#definitions.set(name, 'Boolean!');
      this.#variables[name] = this.#chance(0.5);
    }
    if (options.invalidChance) {
      this.#definitions.set('d', 'Boolean = true');
      const given = this.#pick([undefined, true, false, null]);
      if (given !== undefined) this.#variables['d'] = given;
    }
    const operation = options.operation ?? 'query';
    const root =
      operation === 'query' ? this.schema.getQueryType()! : this.schema.getMutationType()!;
    // Every variable must be used somewhere.
    const used = [...this.#definitions.keys()].map(
      (name, index) => `used${index}: __typename @${this.#pick(['skip', 'include'])}(if: $${name})`,
    );
    const selected = [
      this.#selection(root, depth),
      this.#selection(root, depth),
      ...used,
      ...(options.introspection ? [this.#introspection()] : []),
    ];
    if (this.#chance(0.5)) selected.reverse();
    const definitions = Array.from(this.#definitions, ([name, type]) => `$${name}: ${type}`).join(
      ', ',
    );
    const written = [
      `${operation} Random(${definitions}) { ${selected.join(' ')} }`,
      ...this.#fragments.values(),
    ];
    if (this.#chance(0.8)) return { query: written.join('\n'), variables: this.#variables };
    const query = [
      'query Before { __typename }',
      ...written,
      'query After { after: __typename }',
    ].join('\n');
    const operationName = options.invalidChance
      ? this.#pick(['Random', 'Random', 'After', 'Unknown', undefined])
      : 'Random';
    return {
      query,
      variables: this.#variables,
      ...(operationName !== undefined && { operationName }),
    };
  }

  #chance(probability: number): boolean {
    return this.next() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  #selection(type: GraphQLCompositeType, depth: number): string {
    if (this.#parts > LARGE) return '__typename';
    const all = 'getFields' in type ? Object.values(type.getFields()) : [];
    const fields = all.filter(
      field => (depth > 0 || isLeafType(getNamedType(field.type))) && this.#canCall(field),
    );
    return Array.from({ length: 1 + Math.floor(this.next() * 5) }, () =>
      this.#part(type, fields, depth),
    ).join(' ');
  }

  #part(
    type: GraphQLCompositeType,
    fields: readonly GraphQLField<unknown, unknown>[],
    depth: number,
  ): string {
    this.#parts += 1;
    if (this.#chance(0.05))
      return `${this.#chance(0.3) ? `a${this.#names++}: ` : ''}__typename${this.#condition()}`;
    if (this.#chance(fields.length === 0 ? 0.5 : 0.12)) {
      const on = this.#overlapping(type);
      return (
        `...${on !== type || this.#chance(0.5) ? ` on ${on.name}` : ''}${this.#condition()} ` +
        `{ ${this.#selection(on, depth)} }`
      );
    }
    if (this.#chance(0.12))
      return `...${this.#fragment(this.#overlapping(type), depth)}${this.#condition()}`;
    if (fields.length === 0) return '__typename';
    const withArguments = fields.filter(({ args }) => args.length > 0);
    return this.#call(
      this.#pick(withArguments.length > 0 && this.#chance(0.2) ? withArguments : fields),
      depth,
    );
  }

  /**
   * A type that a fragment may be on within `type`: itself, an interface of it, or one of which
   * some objects are both.
   */
  #overlapping(type: GraphQLCompositeType): GraphQLCompositeType {
    const possible = (of: GraphQLCompositeType): readonly string[] =>
      isAbstractType(of) ? this.schema.getPossibleTypes(of).map(({ name }) => name) : [of.name];
    const own = possible(type);
    const others = Object.values(this.schema.getTypeMap()).filter(
      (other): other is GraphQLCompositeType =>
        (isObjectType(other) || isAbstractType(other)) &&
        !other.name.startsWith('__') &&
        possible(other).some(name => own.includes(name)),
    );
    return this.#chance(isAbstractType(type) ? 0.3 : 0.6) ? type : this.#pick(others);
  }

  /** A fragment on `type`, sometimes one that stands elsewhere already. */
  #fragment(type: GraphQLCompositeType, depth: number): string {
    const known = [...this.#fragments.keys()].filter(name =>
      name.startsWith(`${type.name}_${depth}_`),
    );
    if (known.length > 0 && this.#chance(0.6)) return this.#pick(known);
    const selected = this.#selection(type, depth);
    const name = `${type.name}_${depth}_${this.#names++}`;
    this.#fragments.set(name, `fragment ${name} on ${type.name} { ${selected} }`);
    return name;
  }

  #condition(): string {
    if (this.#chance(0.75)) return '';
    const variables = this.#options.invalidChance ? [...CONDITIONS, 'd'] : CONDITIONS;
    const once = (name: string): string => {
      const value = this.#chance(0.7) ? `$${this.#pick(variables)}` : String(this.#chance(0.5));
      return ` @${name}(if: ${value})`;
    };
    if (this.#chance(0.2)) return once('skip') + once('include');
    return once(this.#chance(0.5) ? 'skip' : 'include');
  }

  #canCall(field: GraphQLField<unknown, unknown>): boolean {
    const type = getNamedType(field.type);
    return (
      (this.#options.abstract ||
        (!isAbstractType(type) && !(isObjectType(type) && type.isTypeOf))) &&
      field.args.every(argument => !isRequiredArgument(argument) || this.#hasSample(argument))
    );
  }

  #hasSample(taken: TakenNames): boolean {
    return getNamedType(taken.type).name in this.samples;
  }

  #call(field: GraphQLField<unknown, unknown>, depth: number): string {
    const args = this.#given(field.args, isRequiredArgument, 0.4, argument =>
      this.#argument(argument),
    );
    // With an alias of its own, the same field with other arguments can stand beside it.
    const alias = args !== '' || this.#chance(0.3) ? `a${this.#names++}: ` : '';
    const type = getNamedType(field.type);
    const below = isLeafType(type)
      ? ''
      : ` { ${this.#selection(type as GraphQLCompositeType, depth - 1)} }`;
    return `${alias}${field.name}${args && `(${args})`}${this.#condition()}${below}`;
  }

  #given<T extends TakenNames>(
    all: readonly T[],
    isRequired: (taken: T) => boolean,
    chance: number,
    write: (taken: T) => string | undefined,
  ): string {
    return all
      .filter(taken => this.#hasSample(taken) && (isRequired(taken) || this.#chance(chance)))
      .flatMap(taken => {
        const value = write(taken);
        return value === undefined ? [] : [`${taken.name}: ${value}`];
      })
      .join(', ');
  }

  #argument(taken: TakenNames): string | undefined {
    return this.#chance(0.4) ? this.#variable(taken) : this.#literal(taken.type, taken);
  }

  /** A new variable: of the very type, of one without null, or with a default. */
  #variable(taken: TakenNames): string | undefined {
    const value = this.#json(taken.type, taken);
    if (value === undefined) return undefined;
    const name = `x${this.#names++}`;
    let type = String(getNullableType(taken.type));
    if (isNonNullType(taken.type) || this.#chance(0.2)) type += '!';
    const hasDefault = this.#chance(0.3);
    // With a default it may be null, which is refused where the variable is used, not where it is
    // given.
    if (hasDefault)
      type =
        `${this.#options.invalidChance ? type.replace(/!$/, '') : type} = ` +
        `${this.#constant(value, getNullableType(taken.type))}`;
    this.#definitions.set(name, type);
    if (!this.#options.invalidChance) this.#variables[name] = value;
    else if (this.#chance(0.95))
      this.#variables[name] = this.#chance(0.02)
        ? this.#pick(WRONG)
        : this.#chance(hasDefault ? 0.3 : 0.05)
          ? null
          : value;
    return `$${name}`;
  }

  #literal(type: GraphQLInputType, taken: TakenNames): string | undefined {
    const nullable = getNullableType(type);
    if (nullable === type && this.#chance(0.1) && this.#options.invalidChance) return 'null';
    const named = getNamedType(type);
    if (isListType(nullable) && this.samples[named.name] === 'fields')
      return `[${this.#literal(nullable.ofType, taken)}]`;
    if (isInputObjectType(nullable) && this.samples[named.name] === 'fields') {
      const fields = Object.values(nullable.getFields());
      const given = this.#given(fields, isRequiredInputField, 0.3, field =>
        isNonNullType(field.type) && field.defaultValue !== undefined
          ? this.#literal(field.type, field)
          : this.#argument(field),
      );
      return `{ ${given} }`;
    }
    const value = this.#json(type, taken);
    return value === undefined ? undefined : this.#constant(value, nullable);
  }

  /** As a variable has it. A single value may stand for a list of it. */
  #json(type: GraphQLInputType, taken: TakenNames): unknown {
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      if (this.#chance(0.3)) return this.#json(nullable.ofType, taken);
      const items = Array.from({ length: Math.floor(this.next() * 3) }, () =>
        this.#json(nullable.ofType, taken),
      );
      return items.includes(undefined) ? undefined : items;
    }
    const sample = this.samples[nullable.name]!;
    if (sample !== 'fields') return sample(taken);
    const fields = Object.values(
      (nullable as { getFields(): Record<string, GraphQLInputField> }).getFields(),
    ).filter(field => this.#hasSample(field) && (isRequiredInputField(field) || this.#chance(0.3)));
    return Object.fromEntries(fields.map(field => [field.name, this.#json(field.type, field)]));
  }

  #constant(value: unknown, type: GraphQLInputType): string {
    const nullable = getNullableType(type);
    if (value === null) return 'null';
    if (isListType(nullable))
      return Array.isArray(value)
        ? `[${value.map(item => this.#constant(item, nullable.ofType)).join(', ')}]`
        : this.#constant(value, nullable.ofType);
    if (isEnumType(nullable)) return String(value);
    if (isInputObjectType(nullable))
      return `{ ${Object.entries(value as object)
        .map(([key, item]) => `${key}: ${this.#constant(item, nullable.getFields()[key]!.type)}`)
        .join(', ')} }`;
    return plainLiteral(value);
  }

  #introspection(): string {
    const names = Object.values(this.schema.getTypeMap())
      .filter(type => !isInterfaceType(type))
      .map(({ name }) => name);
    const type =
      '{ __typename kind name description fields { name args { name defaultValue } type ' +
      '{ kind ofType { name } } } possibleTypes { name } enumValues { name } }';
    return this.#chance(0.5)
      ? '__type(name: ' +
          `${JSON.stringify(this.#pick([...names, 'Unknown']))})${this.#condition()} ${type}`
      : `__schema${this.#condition()} { queryType { name } types { name } directives { ` +
          'name args { name } } }';
  }
}

function plainLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainLiteral).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${plainLiteral(item)}`)
      .join(', ')} }`;
  return JSON.stringify(value);
}
