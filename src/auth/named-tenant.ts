import type { IncomingHttpHeaders } from 'node:http';
import { AppError, badInput } from '../base/app-error.js';
import type { Principal } from './principal.js';

const HEADER = 'X-Tenant-Id';

/**
 * Refuses a request whose header names another tenant than its token: otherwise the sender would
 * take the rows of the token's tenant for those of the named one. Nothing is looked up, so the
 * answer is the same for tenants that exist, tenants that do not, and values that are no ids.
 */
export function refuseOtherTenant(headers: IncomingHttpHeaders, principal: Principal): void {
  const named = String(headers['x-tenant-id'] ?? '').trim();
  if (named === '' || principal.kind === 'nobody') return;
  if (principal.kind === 'operator')
    throw badInput(
      HEADER,
      `The operator's token belongs to no tenant. Remove the header ${HEADER} and name ` +
        'the tenant in the operation.',
    );
  if (named.toLowerCase() !== principal.tenantId) {
    throw new AppError(
      'FORBIDDEN',
      `${HEADER} is not the id of your tenant. Send the id of your tenant, or remove the header.`,
      { field: HEADER },
    );
  }
}
