import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLResolveInfo,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import type { FieldSelections } from '../selection.js';
import type { Execution } from './execution.js';
import { toPath, type Level } from './level.js';
import type { FieldPlan } from './plan.js';

/**
 * What resolvers learn about their field. One small object for each call: what is the same for all
 * of them stays where it is, and the path is looked for when asked. Of a batch, the path is that of
 * its first parent.
 */
export class ResolveInfo implements GraphQLResolveInfo {
  readonly #execution: Execution;
  readonly #field: FieldPlan;
  readonly #level: Level;
  readonly #index: number;

  constructor(execution: Execution, field: FieldPlan, level: Level, index: number) {
    this.#execution = execution;
    this.#field = field;
    this.#level = level;
    this.#index = index;
  }

  get fieldName(): string {
    return this.#field.definition.name;
  }
  get fieldNodes(): readonly FieldNode[] {
    return this.#field.nodes;
  }
  get selections(): FieldSelections {
    return this.#field.selections;
  }
  get returnType(): GraphQLOutputType {
    return this.#field.definition.type;
  }
  get parentType(): GraphQLObjectType {
    return this.#field.parentType;
  }
  get path(): GraphQLResolveInfo['path'] {
    return toPath({
      level: this.#level,
      index: this.#index,
      field: this.#field,
      indexes: [],
    });
  }
  get schema(): GraphQLSchema {
    return this.#execution.source.schema;
  }
  get fragments(): Record<string, FragmentDefinitionNode> {
    return this.#execution.source.fragments as Record<string, FragmentDefinitionNode>;
  }
  get rootValue(): unknown {
    return this.#execution.rootValue;
  }
  get operation(): OperationDefinitionNode {
    return this.#execution.source.operation;
  }
  get variableValues(): Record<string, unknown> {
    return this.#execution.variableValues;
  }
}
