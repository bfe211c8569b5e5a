import { execute, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { executeOperation } from '../../src/graphql/execution/executor.js';
import {
  operationOf,
  validDocument,
  type PreparedDocument,
} from '../../src/graphql/operation/prepared-document.js';
import { testConfig } from './config.js';

const { limits } = testConfig();

type PlannedArgs = Omit<ExecutionArgs, 'schema'>;
export type Executor = (args: PlannedArgs) => ExecutionResult | Promise<ExecutionResult>;

/** Executes as the gateway does, with each document prepared once. */
export function createExecutor(schema: GraphQLSchema): Executor {
  const known = new Map<unknown, PreparedDocument>();
  return args => {
    const { document, operationName, variableValues, contextValue, rootValue } = args;
    let prepared = known.get(document);
    if (!prepared) known.set(document, (prepared = validDocument(document)));
    const operation = operationOf(schema, limits, prepared, operationName ?? undefined);
    return operation
      ? executeOperation(schema, operation, {
          variableValues: variableValues ?? undefined,
          contextValue,
          rootValue,
        })
      : execute({ schema, ...args });
  };
}
