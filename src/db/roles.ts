/** Sees and writes the rows of one tenant: the one named by `app.tenant_id`. */
export const TENANT_ROLE = 'weaver_tenant';

/** Sees and writes the rows of all tenants, by policies that say so. */
export const OPERATOR_ROLE = 'weaver_operator';

/**
 * The transaction-local setting that the policies of `weaver_tenant` read. Missing or empty, it
 * matches no row.
 */
export const TENANT_SETTING = 'app.tenant_id';
