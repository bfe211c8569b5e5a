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
import type { Execution, ResponsePosition } from './execution.js';
import type { FieldPlan } from './plan.js';

/**
 * What resolvers learn about their field. One small object for each call: what is the same for all
 * of them stays where it is.
 */
export class ResolveInfo implements GraphQLResolveInfo {
  readonly #execution: Execution;
  readonly #field: FieldPlan;
  readonly #position: ResponsePosition;

  constructor(execution: Execution, field: FieldPlan, position: ResponsePosition) {
    this.#execution = execution;
    this.#field = field;
    this.#position = position;
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
    return pathTo(this.#position, this.#field.responseName);
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

function pathTo(position: ResponsePosition, key: string | number): GraphQLResolveInfo['path'] {
  return {
    key,
    prev: position.parent && pathTo(position.parent, position.key),
    typename: position.type?.name,
  };
}
