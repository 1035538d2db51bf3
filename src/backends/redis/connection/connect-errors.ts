import { MqError } from '../../../contract/errors.ts';
import { type ErrorPlace, isCut, redisError } from '../errors.ts';

/** No connection was made in time. */
export function tooLate(address: string, ms: number): MqError {
  return new MqError('TIMEOUT', `cannot connect to ${address}: no answer within ${Math.round(ms)} ms`, {
    // A server without TLS takes the first bytes of a handshake for an unfinished command.
    hint: address.startsWith('rediss:')
      ? 'is this a port without TLS? then use redis://'
      : 'check the host, the port and the firewall, or give a longer --connect-timeout',
    backend: 'redis',
  });
}

/** Like `redisError`. A port for TLS cuts a connection that begins with a command. */
export function connectError(cause: unknown, place: ErrorPlace, address: string): MqError {
  const error = redisError(cause, place);
  if (!isCut(cause) || !address.startsWith('redis:')) return error;
  return new MqError(error.code, error.message, {
    hint: 'is this a port for TLS? then use rediss://; otherwise see the log of the server',
    backend: 'redis',
    operation: place.operation,
  });
}
