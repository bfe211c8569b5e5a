import type { Socket } from 'node:net';
import { Client } from 'pg';

const MECHANISM = 'SCRAM-SHA-256-PLUS';

/** How the driver's client answers what the server asks of a login. */
interface Authentication {
  _handleAuthCleartextPassword(message: unknown): void;
  _handleAuthMD5Password(message: unknown): void;
  _handleAuthSASL(message: { mechanisms: string[] }): void;
  readonly connection: {
    readonly stream: Socket;
    emit(event: 'error', error: Error): void;
    once(event: 'authenticationOk', listener: () => void): void;
  };
}

/**
 * A client that signs in only where server and client prove to each other that they share this
 * encrypted connection, so that nobody can stand between (`channel_binding=require`). The driver
 * binds where it can and goes on where it cannot; this refuses to. It reaches into the driver,
 * whose own names these are: a test holds it against the version that is installed.
 */
export class ChannelBindingClient extends Client {
  #isBound = false;

  constructor(...config: ConstructorParameters<typeof Client>) {
    super(...config);
    const callback = this as unknown as Authentication;
    const driver = { sasl: callback._handleAuthSASL.bind(this) };
    const refuse = (): void => {
      callback.connection.emit(
        'error',
        new Error(
          'The server does not offer channel binding, which channel_binding=require requires',
        ),
      );
      callback.connection.stream.destroy();
    };
    callback._handleAuthCleartextPassword = refuse;
    callback._handleAuthMD5Password = refuse;
    callback._handleAuthSASL = message => {
      this.#isBound = message.mechanisms.includes(MECHANISM);
      return this.#isBound ? driver.sasl(message) : refuse();
    };
    // Some logins need no password at all.
    callback.connection.once('authenticationOk', () => {
      if (!this.#isBound) refuse();
    });
  }
}
