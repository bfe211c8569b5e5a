import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';

/** Why this process cannot listen, with what to do; undefined for any other error. */
export function listeningError(
  error: unknown,
  { http: { host, port } }: Config,
): StartupError | undefined {
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is taken by another program. Stop that one, or set PORT ` +
          'to a free port.',
      );
    case 'EACCES':
      return new StartupError(
        `This user may not listen on port ${port} of ${host}. Set PORT to one from 1024 on.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartupError(
        `${host} is not an address of this machine. Set HOST to one, such as 127.0.0.1, ` +
          'or 0.0.0.0 for all.',
      );
    default:
      return undefined;
  }
}
