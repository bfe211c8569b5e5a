import { z } from 'zod';

/** A limit for each plan of tenants. The limit for `*` is that of all other plans. */
export type LimitByPlan = ReadonlyMap<string, number>;

/** How much a tenant may have. Plans that are not named have no limit. */
export interface Quotas {
  /** Of documents and uploads together. */
  readonly bytes: LimitByPlan;
  readonly documents: LimitByPlan;
}

export const NO_QUOTAS: Quotas = { bytes: new Map(), documents: new Map() };
export const OTHER_PLANS = '*';

const MESSAGE =
  'must be a whole number for all tenants, or numbers by plan such as free=1000000,*=50000000';

const limitByPlan = z
  .string()
  .transform((value, context): LimitByPlan => {
    const entries = value.split(',').map(entry => {
      const [, plan = OTHER_PLANS, limit] =
        /^\s*(?:([^=]+?)\s*=\s*)?(\d{1,15})\s*$/.exec(entry) ?? [];
      return [plan, Number(limit)] as const;
    });
    const limits = new Map(entries);
    if (entries.every(([, limit]) => !Number.isNaN(limit)) && limits.size === entries.length)
      return limits;
    context.addIssue({ code: 'custom', message: MESSAGE });
    return z.NEVER;
  })
  .optional();

export const QUOTA_SETTINGS = {
  WEAVER_QUOTA_BYTES: limitByPlan.describe(
    'Bytes that the documents and uploads of a tenant may have together: a number for all ' +
      'tenants, or numbers by plan such as free=100000000,*=5000000000. Not set: no limit.',
  ),
  WEAVER_QUOTA_DOCUMENTS: limitByPlan.describe(
    'Documents that a tenant may have, with its uploads: a number for all tenants, or numbers by ' +
      'plan. Not set: no limit.',
  ),
};

export function toQuotas(env: z.infer<z.ZodObject<typeof QUOTA_SETTINGS>>): Quotas {
  return {
    bytes: env.WEAVER_QUOTA_BYTES ?? NO_QUOTAS.bytes,
    documents: env.WEAVER_QUOTA_DOCUMENTS ?? NO_QUOTAS.documents,
  };
}
