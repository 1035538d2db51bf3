import { MqError } from '../../../contract/errors.ts';

/** No connection was made in time. */
export function tooLate(address: string, ms: number): MqError {
  return new MqError('TIMEOUT', `cannot connect to ${address}: no answer within ${Math.round(ms)} ms`, {
    // A server without TLS takes the first bytes of a handshake for a command that has not ended yet.
    hint: address.startsWith('rediss:')
      ? 'is this a port without TLS? then use redis://'
      : 'check the host, the port and the firewall, or give a longer --connect-timeout',
    backend: 'redis',
  });
}

/** A port for TLS cuts a connection that begins with a command. */
export function withTlsHint(error: MqError, address: string): MqError {
  const { code, message, operation, hint } = error;
  const isCut = code === 'UNAVAILABLE' && hint === null && /connection was (?:cut|lost)$/.test(message);
  if (!isCut || !address.startsWith('redis:')) return error;
  return new MqError(code, message, {
    hint: 'is this a port for TLS? then use rediss://; otherwise see the log of the server',
    backend: 'redis',
    operation: operation ?? undefined,
  });
}
