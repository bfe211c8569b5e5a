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
    once(event: 'authenticationOk', heard: () => void): void;
  };
}

/**
 * A client that signs in only where server and client prove to each other that they share this
 * encrypted connection, so that nobody can stand between (`channel_binding=require`). The driver
 * binds where it can and goes on where it cannot; this refuses to. It reaches into the driver,
 * whose own names these are: a test holds it against the version that is installed.
 */
export class ChannelBindingClient extends Client {
  #bound = false;

  constructor(...config: ConstructorParameters<typeof Client>) {
    super(...config);
    const own = this as unknown as Authentication;
    const driver = { sasl: own._handleAuthSASL.bind(this) };
    const refuse = (): void => {
      own.connection.emit(
        'error',
        new Error(
          'The server did not offer channel binding, and channel_binding=require asks for it',
        ),
      );
      own.connection.stream.destroy();
    };
    own._handleAuthCleartextPassword = refuse;
    own._handleAuthMD5Password = refuse;
    own._handleAuthSASL = message => {
      this.#bound = message.mechanisms.includes(MECHANISM);
      return this.#bound ? driver.sasl(message) : refuse();
    };
    // Some logins need no password at all.
    own.connection.once('authenticationOk', () => {
      if (!this.#bound) refuse();
    });
  }
}
