import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JWK,
} from 'jose';
import { v7 } from 'uuid';
import { AUDIENCE, ISSUER } from './config.js';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  /** The public key as a text, which everybody knows. */
  readonly pem: string;
}

export async function signingKey(alg = 'RS256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = v7();
  return {
    kid,
    alg,
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    pem: await exportSPKI(publicKey),
  };
}

export interface Claims {
  sub?: string | undefined;
  iss?: string | undefined;
  aud?: string | string[] | undefined;
  /** Seconds from now. */
  exp?: number | undefined;
  nbf?: number;
  [name: string]: unknown;
}

/**
 * A token for a user, good unless the claims say otherwise; a claim that is given as undefined is
 * left out.
 */
export function tokenFor(
  key: Pick<SigningKey, 'kid' | 'alg' | 'privateKey'> | { secret: string; alg: string },
  claims: Claims,
  header: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const { exp, nbf, ...others } = { iss: ISSUER, aud: AUDIENCE, exp: 300, ...claims };
  const payload = {
    ...others,
    ...(exp !== undefined && { exp: now + exp }),
    ...(nbf !== undefined && { nbf: now + nbf }),
  };
  const signer = new SignJWT(JSON.parse(JSON.stringify(payload))).setProtectedHeader({
    alg: key.alg,
    ...('kid' in key && { kid: key.kid }),
    ...header,
  });
  return signer.sign('secret' in key ? new TextEncoder().encode(key.secret) : key.privateKey);
}

/** A header's extension that tokens can be signed with. */
export const UNKNOWN_EXTENSION = 'urn:example:extension';

/** A token whose claims are this text as it stands, for what no object holds. */
export function tokenOfText(
  key: Pick<SigningKey, 'kid' | 'alg' | 'privateKey'>,
  claims: string,
  header: Record<string, unknown> = {},
): Promise<string> {
  const signer = new CompactSign(new TextEncoder().encode(claims)).setProtectedHeader({
    alg: key.alg,
    kid: key.kid,
    ...header,
  });
  return signer.sign(key.privateKey, { crit: { [UNKNOWN_EXTENSION]: true } });
}

/** An identity provider that publishes keys over HTTP, and can be told to fail. */
export class IdentityProvider {
  /** How often its keys were asked for. */
  fetches = 0;
  keys: JWK[] = [];
  answer: (response: ServerResponse) => void = response =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: this.keys }));

  readonly #server = createServer((_, response) => {
    this.fetches += 1;
    this.answer(response);
  });

  async start(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
