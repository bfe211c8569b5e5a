import type { ClientBase } from 'pg';

/**
 * The process of the server's that a client was told of when its connection began, as pg keeps it;
 * undefined where it was told of none. A pooler names one of its own.
 */
export function serverProcess(client: Pick<ClientBase, 'query'>): number | undefined {
  return (client as { readonly processID?: number | null }).processID ?? undefined;
}
