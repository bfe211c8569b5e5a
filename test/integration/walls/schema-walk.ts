import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

type Field = GraphQLField<unknown, unknown>;

/** A field, and the way from Query to objects that have it: calls of fields, one in the other. */
export interface Place {
  readonly coordinate: string;
  readonly route: readonly string[];
  readonly field: Field;
}

/**
 * A place in a field's arguments that takes a value of one kind, such as `filter.botId.in` of
 * `Query.documents`.
 */
export interface Slot {
  readonly place: Place;
  readonly argument: GraphQLArgument;
  /** Keys below the argument; empty where the argument is the value itself. */
  readonly path: readonly string[];
  readonly takesList: boolean;
}

export function nameOf({ place, argument, path }: Slot): string {
  return `${place.coordinate}(${[argument.name, ...path].join('.')})`;
}

/**
 * Makes queries from a schema, so that tests reach fields and arguments that are added later
 * without knowing of them.
 */
export class SchemaWalk {
  /** Every field of every object type that a query can reach, each with one way to it. */
  readonly places: readonly Place[];

  /**
   * `samples` are values for arguments that fields cannot do without, by the name of their type.
   */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly samples: Readonly<Record<string, unknown>>,
  ) {
    this.places = this.#findPlaces();
  }

  /**
   * The places that lead to objects and need no id: asked one by one, with everything below them,
   * they show all that can be seen.
   */
  get openPlaces(): Place[] {
    return this.places.filter(
      ({ field }) => this.#needsNoId(field) && !isLeafType(getNamedType(field.type)),
    );
  }

  /**
   * A query for one field, with these of its arguments in variables, and everything below it to a
   * depth of objects.
   */
  query(
    { field, route }: Place,
    depth: number,
    variables: readonly GraphQLArgument[] = [],
  ): string {
    const definitions = variables
      .map(argument => `$${argument.name}: ${String(argument.type)}`)
      .join(', ');
    const given = variables.map(argument => `${argument.name}: $${argument.name}`);
    const selected = this.#call(field, given) + this.#below(getNamedType(field.type), depth);
    return (
      `query${definitions && `(${definitions})`} ` +
      `${route.reduceRight((inner, call) => `{ ${call} ${inner} }`, `{ ${selected} }`)}`
    );
  }

  /**
   * Every place in the arguments of all fields where a value of such a type can stand. Filters that
   * nest in themselves are entered once.
   */
  slots(takes: (typeName: string, path: readonly string[]) => boolean): Slot[] {
    const within = (
      type: GraphQLInputType,
      path: readonly string[],
      entered: readonly string[],
    ): Pick<Slot, 'path' | 'takesList'>[] => {
      const named = getNamedType(type);
      if (!isInputObjectType(named))
        return takes(named.name, path)
          ? [{ path, takesList: isListType(getNullableType(type)) }]
          : [];
      if (entered.filter(name => name === named.name).length > 1) return [];
      return Object.values(named.getFields()).flatMap(field =>
        within(field.type, [...path, field.name], [...entered, named.name]),
      );
    };
    return this.places.flatMap(place =>
      place.field.args.flatMap(argument =>
        within(argument.type, [argument.name], []).map(({ path, takesList }) => ({
          place,
          argument,
          path: path.slice(1),
          takesList,
        })),
      ),
    );
  }

  /** The value of a slot's argument that has `value` in the slot, and nothing else but samples. */
  fill({ argument, path }: Slot, value: unknown): unknown {
    const nest = (type: GraphQLInputType, [key, ...rest]: readonly string[]): unknown => {
      if (key === undefined) return value;
      const nullable = getNullableType(type);
      if (isListType(nullable)) return [nest(nullable.ofType as GraphQLInputType, [key, ...rest])];
      return isInputObjectType(nullable) && { [key]: nest(nullable.getFields()[key]!.type, rest) };
    };
    const filled = nest(argument.type, path);
    return path.length === 0
      ? filled
      : { ...(this.samples[getNamedType(argument.type).name] as object), ...(filled as object) };
  }

  #findPlaces(): Place[] {
    const query = this.schema.getQueryType()!;
    const routes = new Map<string, readonly string[]>([[query.name, []]]);
    const places: Place[] = [];
    const next: GraphQLObjectType[] = [query];
    // Lists lead to objects without an id and for every caller: what else leads there is taken
    // where no list does.
    const later: { type: GraphQLObjectType; route: readonly string[] }[] = [];
    for (;;) {
      let type = next.shift();
      if (!type) {
        const found = later.shift();
        if (!found) return places;
        if (routes.has(found.type.name)) continue;
        routes.set(found.type.name, found.route);
        type = found.type;
      }
      const route = routes.get(type.name)!;
      for (const field of Object.values(type.getFields())) {
        places.push({ coordinate: `${type.name}.${field.name}`, route, field });
        const target = getNamedType(field.type);
        if (!isObjectType(target) || !this.#needsNoId(field) || routes.has(target.name)) continue;
        const onward = { type: target, route: [...route, this.#call(field)] };
        if (!target.name.endsWith('Connection') && field.name !== 'nodes') {
          later.push(onward);
        } else {
          routes.set(target.name, onward.route);
          next.push(target);
        }
      }
    }
  }

  /**
   * A field with its arguments: those given as text, and samples for all others that it cannot do
   * without.
   */
  #call(field: Field, given: readonly string[] = []): string {
    const others = field.args
      .filter(
        argument =>
          isRequiredArgument(argument) && !given.some(text => text.startsWith(`${argument.name}:`)),
      )
      .map(argument => `${argument.name}: ${literal(this.#sampleFor(argument))}`);
    const args = [...given, ...others].join(', ');
    return args ? `${field.name}(${args})` : field.name;
  }

  #below(type: GraphQLNamedType, depth: number, alias = ''): string {
    if (isLeafType(type)) return '';
    if (isAbstractType(type)) {
      // Aliases, since fields of one name may differ in their types.
      const fragments = this.schema
        .getPossibleTypes(type)
        .map(
          possible => `... on ${possible.name}${this.#below(possible, depth, `${possible.name}_`)}`,
        );
      return ` { __typename ${fragments.join(' ')} }`;
    }
    const selected = Object.values((type as GraphQLObjectType).getFields()).flatMap(field => {
      if (!this.#needsNoId(field)) return [];
      const target = getNamedType(field.type);
      const call = (alias && `${alias}${field.name}: `) + this.#call(field);
      if (isLeafType(target)) return [call];
      // Through a connection it is one step to its nodes.
      const isWay = ['nodes', 'pageInfo'].includes(field.name) && type.name.endsWith('Connection');
      if (!isWay && depth === 0) return [];
      return [call + this.#below(target, isWay ? depth : depth - 1)];
    });
    return ` { ${selected.join(' ') || '__typename'} }`;
  }

  #needsNoId(field: Field): boolean {
    return !field.args.some(
      argument => isRequiredArgument(argument) && getNamedType(argument.type).name === 'ID',
    );
  }

  #sampleFor(argument: GraphQLArgument): unknown {
    const { name } = getNamedType(argument.type);
    if (!(name in this.samples))
      throw new Error(
        `A sample is needed for the argument ${argument.name}, which is required, of type ${name}.`,
      );
    return this.samples[name];
  }
}

/** A JSON value as a GraphQL literal. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${literal(item)}`)
      .join(', ')} }`;
  return JSON.stringify(value);
}
