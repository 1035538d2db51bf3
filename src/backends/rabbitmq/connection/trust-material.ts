import { readFile } from 'node:fs/promises';
import { MqError } from '../../../contract/errors.ts';
import type { Address, TrustOptions } from '../url.ts';

/** The settings of TLS: whom to trust and who we are, read from the files that the URL names. */
export interface TrustMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Reads the files that the URL names. Throws `CONFIG_INVALID`. */
export async function trustMaterial({ tls, trust }: Pick<Address, 'tls' | 'trust'>): Promise<TrustMaterial> {
  if (!tls) return {};
  const [ca, cert, key] = await Promise.all([pem(trust, 'caFile'), pem(trust, 'certFile'), pem(trust, 'keyFile')]);
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(trust.serverName !== null && { servername: trust.serverName }),
    ...(!trust.verify && { rejectUnauthorized: false }),
  };
}

async function pem(trust: TrustOptions, which: 'caFile' | 'certFile' | 'keyFile'): Promise<Buffer | null> {
  const path = trust[which];
  if (path === null) return null;
  try {
    return await readFile(path);
  } catch (error) {
    throw new MqError(
      'CONFIG_INVALID',
      `cannot read the TLS file ${JSON.stringify(path)} that the RabbitMQ URL names`,
      {
        backend: 'rabbitmq',
        cause: error,
      },
    );
  }
}
