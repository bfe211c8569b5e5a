import {
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ASTNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { Permission } from '../../auth/permissions.js';
import { RULE } from '../../auth/requires.js';
import { AppError, badInput } from '../../base/app-error.js';
import { listProblem, textProblem } from '../limits/value-limits.js';
import type { OperationRules } from './permission-problem.js';

/**
 * How deep an operation may nest selections and literals together, counted in nodes of its syntax
 * tree: far beyond what people and tools write.
 */
const MAX_NODE_DEPTH = 200;

/**
 * The maximum number of fields of an operation that read the schema: each returns all of it, to
 * anyone.
 */
const MAX_INTROSPECTIONS = 2;

/** What one walk over an operation and its fragments finds. */
export interface Examination {
  readonly rules: OperationRules;
  /** Why it is refused, whoever sends it. */
  readonly problem: AppError | undefined;
  /** Names of the variables that @skip and @include use. */
  readonly conditions: readonly string[];
  /** Whether plans know all of its types: not those with `isTypeOf`. */
  readonly isPlannable: boolean;
}

/**
 * Examines a valid operation with all fragments that it reaches, whatever @skip and @include say;
 * other operations of the document do not count.
 */
export function examineOperation(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  maxListItems: number,
): Examination {
  const typeInfo = new TypeInfo(schema);
  const definitions = new Set<OperationDefinitionNode | FragmentDefinitionNode>([operation]);
  const fields = new Map<string, readonly Permission[]>();
  const conditions = new Set<string>();
  let readsData = false;
  let introspections = 0;
  let isPlannable = true;
  let argument = 'query';
  let problem: AppError | undefined;

  const enterField = (name: string): void => {
    const parent = typeInfo.getParentType();
    isPlannable &&= isTypePlannable(schema, typeInfo.getType());
    if (name === '__schema' || name === '__type') introspections += 1;
    if (!parent || name.startsWith('__')) return;
    if (!parent.name.startsWith('__')) readsData = true;
    for (const [coordinate, anyOf] of rulesOfField(schema, parent, name))
      fields.set(coordinate, anyOf);
  };
  const enter = (node: ASTNode): void => {
    switch (node.kind) {
      case Kind.FIELD:
        return enterField(node.name.value);
      case Kind.FRAGMENT_SPREAD:
        if (fragments[node.name.value]) definitions.add(fragments[node.name.value]!);
        return;
      case Kind.DIRECTIVE:
        for (const { value } of node.arguments ?? [])
          if (value.kind === Kind.VARIABLE) conditions.add(value.name.value);
        return;
      case Kind.ARGUMENT:
        argument = node.name.value;
        return;
      case Kind.STRING:
        problem ??= textProblem(node.value, argument);
        return;
      case Kind.LIST:
        problem ??= listProblem(node.values.length, argument, maxListItems);
        return;
      case Kind.VARIABLE_DEFINITION:
        // graphql-js stores the values of variables in an object, where this name would replace its
        // prototype.
        if (node.variable.name.value === '__proto__')
          problem ??= badInput(
            'query',
            'A variable cannot be called __proto__. Choose another name.',
          );
        return;
      default:
    }
  };
  const visitor = visitWithTypeInfo(typeInfo, {
    enter(node, _key, _parent, _path, ancestors) {
      if (ancestors.length > MAX_NODE_DEPTH)
        problem ??= badInput(
          'query',
          `The operation is nested deeper than ${MAX_NODE_DEPTH} levels of syntax.`,
        );
      enter(node);
    },
  });
  // What is added to a set while it is gone through is gone through as well.
  for (const definition of definitions) visit(definition, visitor);
  if (introspections > MAX_INTROSPECTIONS)
    problem ??= new AppError(
      'QUERY_TOO_COMPLEX',
      `The operation selects the schema more than ${MAX_INTROSPECTIONS} times.`,
    );
  return {
    rules: {
      fields: Array.from(fields, ([coordinate, anyOf]) => ({ coordinate, anyOf })),
      readsData,
      introspects: introspections > 0,
    },
    problem,
    conditions: [...conditions],
    isPlannable,
  };
}

function isTypePlannable(
  schema: GraphQLSchema,
  fieldType: GraphQLOutputType | null | undefined,
): boolean {
  const type = getNamedType(fieldType);
  if (isAbstractType(type))
    return Boolean(type.resolveType) && !schema.getPossibleTypes(type).some(t => t.isTypeOf);
  return !isObjectType(type) || !type.isTypeOf;
}

/**
 * The rules of a field by coordinate. Selected on an interface, those that it has on any type that
 * may turn out to be there.
 */
function rulesOfField(
  schema: GraphQLSchema,
  parent: GraphQLCompositeType,
  name: string,
): [string, readonly Permission[]][] {
  const types = isAbstractType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
  return types.flatMap(type => {
    const anyOf =
      'getFields' in type
        ? (type.getFields()[name]?.extensions[RULE] as Permission[] | undefined)
        : undefined;
    return anyOf ? [[`${type.name}.${name}`, anyOf]] : [];
  });
}
