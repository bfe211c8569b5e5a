import {
  getDirectiveValues,
  getNamedType,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isObjectType,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionSetNode,
} from 'graphql';
import type { ReadModel, ReadModels } from '../db/read-model.js';

/**
 * What an operation selects of one object: the names of its fields, each with its nodes, of which
 * aliases add more.
 */
export type Selection = ReadonlyMap<string, readonly FieldNode[]>;

interface Info extends Pick<
  GraphQLResolveInfo,
  'fieldNodes' | 'fragments' | 'variableValues' | 'schema' | 'returnType'
> {
  /** Where plans are executed. */
  readonly selections?: FieldSelections;
}

/** What was worked out of a planned field, by the name of the row's type. */
export type FieldSelections = Map<string, RowSelection>;

/**
 * The selection under the field being resolved, where the answer is of `type`. Honours @skip,
 * @include and type conditions.
 */
export function selectionOf(info: Info, type: GraphQLObjectType): Selection {
  return collectFields(info, type, info.fieldNodes);
}

function collectFields(
  info: Info,
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
): Selection {
  const fields = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  const visit = (set: SelectionSetNode): void => {
    for (const node of set.selections) {
      if (node.directives?.length && !shouldIncludeNode(info, node)) continue;
      if (node.kind === 'Field') {
        const existing = fields.get(node.name.value);
        if (existing) existing.push(node);
        else fields.set(node.name.value, [node]);
      } else if (node.kind === 'InlineFragment') {
        if (!node.typeCondition || doesFragmentTypeApply(info, node.typeCondition.name.value, type))
          visit(node.selectionSet);
      } else if (!visited.has(node.name.value)) {
        visited.add(node.name.value);
        const fragment = info.fragments[node.name.value];
        if (fragment && doesFragmentTypeApply(info, fragment.typeCondition.name.value, type))
          visit(fragment.selectionSet);
      }
    }
  };
  for (const node of nodes) if (node.selectionSet) visit(node.selectionSet);
  return fields;
}

function shouldIncludeNode(info: Info, node: Parameters<typeof getDirectiveValues>[1]): boolean {
  const skip = getDirectiveValues(GraphQLSkipDirective, node, info.variableValues);
  const include = getDirectiveValues(GraphQLIncludeDirective, node, info.variableValues);
  return skip?.['if'] !== true && include?.['if'] !== false;
}

function doesFragmentTypeApply(info: Info, condition: string, type: GraphQLObjectType): boolean {
  if (condition === type.name) return true;
  const conditionType = info.schema.getType(condition);
  return isAbstractType(conditionType) && info.schema.isSubType(conditionType, type);
}

/**
 * What the answer of a field must hold: of its rows only the properties that something selected
 * needs.
 */
export interface RowSelection {
  readonly model: ReadModel;
  /**
   * The properties to read, always with `id` and `tenantId`, which navigation needs. Rows of lists,
   * which are many, have the tenant only if a selected relation needs it; other rows always have
   * it, so that one loaded row serves all fields.
   */
  readonly properties: ReadonlySet<string>;
  /** Tells selections of a model apart. */
  readonly key: string;
}

export interface ConnectionSelection extends RowSelection {
  readonly rows: boolean;
  readonly cursors: boolean;
  readonly totalCount: boolean;
  /** Whether `pageInfo` must say if the list continues, for which one more row is read. */
  readonly hasMore: { readonly forward: boolean; readonly backward: boolean };
}

/**
 * The row behind a field that answers an entity. Worked out once for all requests with the same
 * plan.
 */
export function rowSelectionOf(
  info: Info,
  models: ReadModels,
  typeName = getNamedType(info.returnType).name,
): RowSelection {
  return kept(info, typeName, () =>
    toRowSelection(info, models, typeName, [selectionOf(info, objectType(info, typeName))]),
  );
}

function kept<S extends RowSelection>(info: Info, typeName: string, make: () => S): S {
  let selection = info.selections?.get(typeName) as S | undefined;
  if (!selection) info.selections?.set(typeName, (selection = make()));
  return selection ?? make();
}

/**
 * The selection of an entity's rows in nested fields: `path` names the fields, such as `hits` and
 * `chunk`.
 */
export function nestedRowSelectionOf(
  info: Info,
  models: ReadModels,
  path: readonly string[],
): RowSelection {
  let type = getNamedType(info.returnType) as GraphQLObjectType;
  let selection = selectionOf(info, type);
  for (const name of path) {
    type = getNamedType(type.getFields()[name]!.type) as GraphQLObjectType;
    selection = collectFields(info, type, selection.get(name) ?? []);
  }
  return toRowSelection(info, models, type.name, [selection]);
}

/** Whether the last field of `path` is selected. */
export function nestedSelectionHas(info: Info, path: readonly string[]): boolean {
  let type = getNamedType(info.returnType) as GraphQLObjectType;
  let nodes = info.fieldNodes;
  for (const name of path) {
    nodes = [...(collectFields(info, type, nodes).get(name) ?? [])];
    type = getNamedType(type.getFields()[name]!.type) as GraphQLObjectType;
  }
  return nodes.length > 0;
}

/**
 * The same for a field that returns a connection: the rows of `nodes` and `edges { node }`, and
 * what else is selected.
 */
export function connectionSelectionOf(info: Info, models: ReadModels): ConnectionSelection {
  const { name } = getNamedType(info.returnType);
  return kept(info, name, () => toConnectionSelection(info, models));
}

function toConnectionSelection(info: Info, models: ReadModels): ConnectionSelection {
  const connectionType = getNamedType(info.returnType) as GraphQLObjectType;
  const connection = selectionOf(info, connectionType);
  const edgeType = getNamedType(connectionType.getFields().edges!.type) as GraphQLObjectType;
  const nodeType = getNamedType(connectionType.getFields().nodes!.type) as GraphQLObjectType;
  const edges = collectFields(info, edgeType, connection.get('edges') ?? []);
  const nodes = [
    collectFields(info, nodeType, connection.get('nodes') ?? []),
    collectFields(info, nodeType, edges.get('node') ?? []),
  ];
  const hasNestedFields = nodes.some(selection =>
    [...selection.keys()].some(name => nodeType.getFields()[name]?.resolve),
  );
  const rows = toRowSelection(
    info,
    models,
    nodeType.name,
    nodes,
    hasNestedFields ? ['id', 'tenantId'] : ['id'],
  );
  const pageInfo = connection.get('pageInfo') ?? [];
  const pageInfoType = getNamedType(connectionType.getFields().pageInfo!.type) as GraphQLObjectType;
  const pageInfoFields = collectFields(info, pageInfoType, pageInfo);
  return {
    ...rows,
    rows: connection.has('nodes') || connection.has('edges') || pageInfo.length > 0,
    cursors: edges.has('cursor') || pageInfo.length > 0,
    totalCount: connection.has('totalCount'),
    hasMore: {
      forward: pageInfoFields.has('hasNextPage'),
      backward: pageInfoFields.has('hasPreviousPage'),
    },
  };
}

function toRowSelection(
  info: Info,
  models: ReadModels,
  typeName: string,
  selections: readonly Selection[],
  required = ['id', 'tenantId'],
): RowSelection {
  const model = models.ofType(typeName);
  if (!model) throw new Error(`${typeName} is not an entity.`);
  const fields = objectType(info, typeName).getFields();
  const properties = new Set(required);
  for (const selection of selections) {
    for (const name of selection.keys()) {
      for (const property of model.propertiesOfField(name)) properties.add(property);
      for (const property of (fields[name]?.extensions.needs as string[] | undefined) ?? [])
        properties.add(property);
    }
  }
  return { model, properties, key: [...properties].join() };
}

function objectType(info: Info, name: string): GraphQLObjectType {
  const type = info.schema.getType(name);
  if (!isObjectType(type)) throw new Error(`${name} is not an object type.`);
  return type;
}
