import { OPERATOR_ROLE, TENANT_ROLE } from '../../src/db/roles.js';
import { graphqlRequest, type HttpRequest } from '../shared/http-request.js';
import type { DataSet } from './data-set.js';
import {
  BEFORE_DEEP,
  DEFINITIONS,
  FOR_POSTGRAPHILE,
  READ_NAMES,
  type ReadName,
} from './read-workloads.js';
import { writeWorkloads, WRITE_NAMES, type WriteName } from './write-workloads.js';

/**
 * How a server is asked: in the gateway's schema, in the one that PostGraphile makes of the tables,
 * or one path for each workload.
 */
export type Dialect = 'weaver' | 'apollo' | 'postgraphile' | 'path' | 'transaction';

export const WORKLOAD_NAMES = [...READ_NAMES, ...WRITE_NAMES] as const;
export type WorkloadName = ReadName | WriteName;

/** Something that frontends do, as each kind of server is asked for it. */
export interface Workload {
  readonly name: WorkloadName;
  readonly what: string;
  /**
   * One request for each tenant, so that no answer comes from one hot page; the operator's workload
   * has one in all. Servers whose dialect is missing do not take part.
   */
  readonly requests: Readonly<Partial<Record<Dialect, readonly HttpRequest[]>>>;
  /**
   * Asked once before, in the same order: the cursor in its answer is the variable `after` of the
   * request.
   */
  readonly before?: Readonly<Partial<Record<Dialect, readonly HttpRequest[]>>>;
  readonly isWrite: boolean;
}

/** Those that every server takes part in. */
const FIRST_FIVE: readonly ReadName[] = ['W1', 'W2', 'W3', 'W4', 'W5'];

export function workloadsOf(dataSet: DataSet, operatorToken: string): Workload[] {
  return [
    ...READ_NAMES.map(name => readWorkload(name, dataSet, operatorToken)),
    ...writeWorkloads(dataSet),
  ];
}

function readWorkload(name: ReadName, { tenants }: DataSet, operatorToken: string): Workload {
  const { what, query, variables, forPostgraphile } = DEFINITIONS[name];
  const asOperator = name === 'W5';
  const asked = asOperator ? tenants.slice(0, 1) : tenants;
  const weaver = (text: string): HttpRequest[] =>
    asked.map(tenant =>
      // Apollo's by hand takes the tenant from the header that the gateway does not read.
      graphqlRequest(text, variables(tenant), {
        authorization: `Bearer ${asOperator ? operatorToken : tenant.apiKey}`,
        'x-bench-tenant': tenant.id,
      }),
    );
  const postgraphile = (text: string): HttpRequest[] =>
    asked.map(tenant =>
      graphqlRequest(
        text,
        { ...(!asOperator && { id: tenant.id }), ...forPostgraphile?.(tenant) },
        asOperator
          ? { 'x-role': OPERATOR_ROLE, authorization: `Bearer ${operatorToken}` }
          : {
              'x-role': TENANT_ROLE,
              'x-bench-tenant': tenant.id,
              authorization: `Bearer ${tenant.apiKey}`,
            },
      ),
    );
  const path = (): HttpRequest[] =>
    asked.map(({ id, question }): HttpRequest =>
      name === 'W4'
        ? {
            method: 'POST',
            path: `/W4?tenant=${id}`,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ embedding: question }),
          }
        : { method: 'GET', path: `/${name}?tenant=${id}`, headers: {}, body: '' },
    );
  return {
    name,
    what,
    isWrite: false,
    requests: {
      weaver: weaver(query),
      postgraphile: postgraphile(FOR_POSTGRAPHILE[name]),
      ...(FIRST_FIVE.includes(name) && { apollo: weaver(query), path: path() }),
    },
    ...(name === 'W8' && {
      before: {
        weaver: weaver(BEFORE_DEEP.weaver),
        postgraphile: postgraphile(BEFORE_DEEP.postgraphile),
      },
    }),
  };
}
