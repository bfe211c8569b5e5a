import {
  getNamedType,
  GraphQLError,
  isInputObjectType,
  isEnumType,
  isInputType,
  typeFromAST,
  type ASTVisitor,
  type TypeNode,
  type ValidationContext,
} from 'graphql';

/**
 * Refuses variables in a JSON literal whose value there would not be the JSON that was sent:
 * scalars that say so by `isNotItsJson`, enums and inputs, which graphql-js has read as what
 * resolvers want, defaults included. A rule of validation:
 * https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed ends where a custom
 * scalar begins.
 */
export function jsonVariablesRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const types = new Map(
        (operation.variableDefinitions ?? []).map(({ variable, type }) => [
          variable.name.value,
          type,
        ]),
      );
      for (const { node, type } of context.getRecursiveVariableUsages(operation)) {
        const declared = types.get(node.name.value);
        // There is no type for what stands inside a custom scalar.
        if (!declared || type || isItsJson(context, declared)) continue;
        const name = `Variable "$${node.name.value}"`;
        const message =
          `${name} cannot be used inside a JSON object, because its type is not JSON. ` +
          'Declare it as MetadataValue or JSONObject.';
        context.reportError(new GraphQLError(message, { nodes: [node] }));
      }
    },
  };
}

function isItsJson(context: ValidationContext, declared: TypeNode): boolean {
  const type = typeFromAST(context.getSchema(), declared as never);
  if (!isInputType(type)) return true;
  const named = getNamedType(type);
  return !isEnumType(named) && !isInputObjectType(named) && !named.extensions.isNotItsJson;
}
