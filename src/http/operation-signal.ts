import type { FastifyReply } from 'fastify';
import { CLIENT_DISCONNECTED, operationTimeout } from '../graphql/operation-timeout.js';

/** Aborted when the connection closes before its answer is sent, or after so many milliseconds. */
export function operationSignal({ raw }: FastifyReply, ms: number): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) {
    controller.abort(CLIENT_DISCONNECTED);
    return controller.signal;
  }
  const timer = setTimeout(() => controller.abort(operationTimeout(ms)), ms);
  raw.once('close', () => {
    clearTimeout(timer);
    if (!raw.writableFinished) controller.abort(CLIENT_DISCONNECTED);
  });
  return controller.signal;
}
