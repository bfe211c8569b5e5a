import type { IncomingHttpHeaders } from 'node:http';
import { AppError, badInput } from '../base/app-error.js';
import type { Principal } from './principal.js';

const HEADER = 'X-Tenant-Id';

/**
 * Refuses a request whose header names another tenant than that of its token: whoever sends it
 * means to see that tenant's rows, and would take those of the token's for them. Nothing is looked
 * up, so that it is the same for tenants that exist and for what is no id.
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
