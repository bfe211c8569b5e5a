/**
 * What adoption keeps of an older Weaver's database, until "adopt --finish": its tables under this
 * prefix, and what was noted about them.
 */
export const LEGACY_PREFIX = 'weaver_legacy_';

/**
 * The policy by which the older application's own login works beside the gateway, on each of the
 * seven tables.
 */
export const LEGACY_POLICY = 'legacy_application';
