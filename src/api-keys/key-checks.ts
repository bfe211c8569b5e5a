import type { ApiKeyScope } from '../auth/principal.js';
import { badInput } from '../base/app-error.js';

export function scopesInput(field: string, scopes: readonly ApiKeyScope[]): ApiKeyScope[] {
  if (scopes.length === 0)
    throw badInput(field, `${field} is empty. Give the key at least one scope.`);
  return [...new Set(scopes)];
}

export function expiryInput(field: string, instant: string): string {
  if (Date.parse(instant) <= Date.now()) throw badInput(field, `${field} is in the past.`);
  return instant;
}
