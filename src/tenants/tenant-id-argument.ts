import type { Caller } from '../auth/caller.js';
import { badInput } from '../base/app-error.js';
import { uuidInput } from '../graphql/uuid-input.js';

/** The tenant whose id a query names; the caller's own by default. */
export function tenantIdArgument({ tenantId }: Caller, id: string | null | undefined): string {
  const wanted = id == null ? tenantId : uuidInput('id', id);
  if (wanted === undefined)
    throw badInput('id', 'The operator belongs to no tenant: name one by its id.');
  return wanted;
}
