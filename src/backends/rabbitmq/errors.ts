import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import type { Address } from './url.ts';

interface Where {
  readonly operation?: string | undefined;
  readonly queue?: string | undefined;
}

interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/**
 * The errors of amqplib or Node if a connection cannot be opened. Only chosen sentences are copied, because such errors
 * may contain the URL.
 */
export function connectError(error: unknown, address: Address): MqError {
  if (isMqError(error)) return error;
  return make(explainConnect(error, address), {}, error);
}

/**
 * The broker has let the user in, and has not opened the vhost. It gives the reason only if asked (see `whyRefused`).
 */
export function isVhostRefused(error: unknown): boolean {
  return textOf(error).includes('Expected ConnectionOpenOk') || codeOf(error) === 530;
}

/** `reason`: the broker's own sentence; null: unknown. */
export function vhostRefused(reason: string | null, address: Address): MqError {
  const at = address.label;
  // At its end, because names come before it, and they may contain anything.
  if (reason !== null && /\blimit \(\d+\) is reached$/.test(reason)) {
    const hint = 'try again when others have closed theirs, or have the limit raised';
    return make({ code: 'UNAVAILABLE', message: `${at} takes no more connections: ${reason}`, hint }, {}, null);
  }
  const vhost = JSON.stringify(address.vhost);
  const message = `${at} refused the vhost ${vhost}: ${reason ?? 'it does not exist, is down, or is not open to this user'}`;
  const hint = 'the path of the URL is the vhost; without one it is "/", and a slash in its name is written %2F';
  return make({ code: 'CONFIG_INVALID', message, hint }, {}, null);
}

function explainConnect(error: unknown, address: Address): Told {
  const at = address.label;
  const text = textOf(error);
  const code = codeOf(error);
  const socket = socketFailure(code, at);
  if (socket !== null) return socket;
  if (text.includes('connect ETIMEDOUT')) {
    return {
      code: 'TIMEOUT',
      message: `no answer from ${at} in time`,
      hint: 'check the port, the firewall, and --connect-timeout',
    };
  }
  if (text.includes('403 (') || code === 403) {
    return {
      code: 'UNAUTHENTICATED',
      message: `${at} refused the user name or the password`,
      hint: 'check the credentials; the user guest may log in from localhost only',
    };
  }
  if (/closed abruptly|Invalid frame|exceeds maxFrameSize|Unknown frame type/.test(text)) {
    return {
      code: 'UNAVAILABLE',
      message: `${at} closed the connection before it was open`,
      hint: address.tls
        ? 'is this a port for plain connections? then use amqp://'
        : 'is this a port for TLS? then use amqps://; otherwise see the log of the broker',
    };
  }
  if (/SASL mechanism/.test(text)) {
    return { code: 'UNAUTHENTICATED', message: `${at} does not accept logins by password (SASL PLAIN)` };
  }
  return { code: 'UNAVAILABLE', message: `could not connect to ${at}${typeof code === 'string' ? ` (${code})` : ''}` };
}

/** Null if `code` is not one of Node's for sockets and TLS. */
export function socketFailure(code: string | number | null, at: string): Told | null {
  if (typeof code !== 'string') return null;
  switch (code) {
    case 'ECONNREFUSED':
      return {
        code: 'UNAVAILABLE',
        message: `${at} refused the connection: nothing listens there`,
        hint: 'check host and port, and that the broker runs',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
      return { code: 'UNAVAILABLE', message: `the host name of ${at} is not known`, hint: 'check the host in the URL' };
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        code: 'UNAVAILABLE',
        message: `${at} cannot be reached (${code})`,
        hint: 'check the host, the port and the firewall',
      };
    case 'ECONNRESET':
    case 'EPIPE':
      return {
        code: 'UNAVAILABLE',
        message: `${at} broke the connection`,
        hint: 'is this a port for TLS? then use amqps://',
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        code: 'UNAVAILABLE',
        message: `the certificate of ${at} is for another host name`,
        hint: 'use the name that the certificate has, or give it by ?server_name_indication=NAME',
      };
    case 'CERT_HAS_EXPIRED':
      return { code: 'UNAVAILABLE', message: `the certificate of ${at} has expired` };
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return {
        code: 'UNAVAILABLE',
        message: `the certificate of ${at} is not signed by an authority that is trusted here`,
        hint: 'give the authority by ?cacertfile=FILE',
      };
    default:
      if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
        return {
          code: 'UNAVAILABLE',
          message: `${at} does not speak TLS as expected`,
          hint: 'is this a port for plain connections? then use amqp://',
        };
      }
      return null;
  }
}

/** The error of amqplib when a broker closed a channel or the connection. */
export function brokerError(error: unknown, where: Where = {}): MqError {
  if (isMqError(error)) return error;
  return make(explainBroker(error, where), where, error);
}

function explainBroker(error: unknown, { queue }: Where): Told {
  const name = queue === undefined ? 'the queue' : `queue ${JSON.stringify(queue)}`;
  const said = saidBy(error);
  switch (replyCode(error)) {
    case 404:
      // Anchored: the rest of the sentence contains names, which may contain anything.
      if (/^NOT_FOUND - no exchange/.test(said))
        return { code: 'PRECONDITION_FAILED', message: `there is no such exchange: ${said}` };
      return missingQueue(name);
    case 403:
      if (isInExclusiveUse(error)) {
        return {
          code: 'PRECONDITION_FAILED',
          message: `${name} is held by an exclusive consumer`,
          hint: 'stop that consumer, or wait',
        };
      }
      return { code: 'PERMISSION_DENIED', message: `the broker refused access to ${name}: ${said}` };
    case 405:
      return {
        code: 'PRECONDITION_FAILED',
        message: `${name} is locked: ${said}`,
        hint: 'it is exclusive to another connection, or has a single active consumer',
      };
    case 406:
      return { code: 'PRECONDITION_FAILED', message: `the broker refused: ${said}` };
    case 530:
      if (/\blimit of \(\d+\)$/.test(said)) {
        const hint = 'try again when others have closed theirs, or have the limit raised';
        return { code: 'UNAVAILABLE', message: `the broker opens no more channels: ${said}`, hint };
      }
      return { code: 'UNEXPECTED_RESPONSE', message: `the broker refused: ${said}` };
    case 540:
      return { code: 'NOT_SUPPORTED', message: `the broker cannot do that on ${name}: ${said}` };
    case 320:
      return {
        code: 'UNAVAILABLE',
        message: `the broker closed the connection: ${said}`,
        hint: 'an operator closed it, or the broker is shutting down',
      };
    case null:
      break;
    default:
      return { code: 'UNEXPECTED_RESPONSE', message: `the broker refused: ${said}` };
  }
  const socket = socketFailure(codeOf(error), 'the broker');
  if (socket !== null) return { code: socket.code, message: socket.message };
  return { code: 'UNAVAILABLE', message: 'the connection to the broker is lost', hint: 'try again' };
}

/**
 * True if one consumer holds the queue exclusively. It also works for the `MqError` that was made of that error. The
 * code (403) is that of a missing right, so only the broker's words tell.
 */
export function isInExclusiveUse(error: unknown): boolean {
  const told = isMqError(error) ? error.cause : error;
  return replyCode(told) === 403 && /in exclusive use$/.test(saidBy(told));
}

export function noSuchQueue(queue: string): MqError {
  return make(missingQueue(`queue ${JSON.stringify(queue)}`), { queue }, null);
}

function missingQueue(name: string): Told {
  return { code: 'QUEUE_NOT_FOUND', message: `there is no ${name} in this vhost` };
}

/**
 * The broker's sentence out of amqplib's; a fixed word if there is none. It contains names of queues, vhosts and users,
 * never a password.
 */
export function saidBy(error: unknown): string {
  return /with message "([\s\S]*)"/.exec(textOf(error))?.[1] ?? 'no reason given';
}

/** The AMQP reply code of a closed channel or connection. */
export function replyCode(error: unknown): number | null {
  const code = codeOf(error);
  return typeof code === 'number' ? code : null;
}

function codeOf(error: unknown): string | number | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  const { code } = error;
  return typeof code === 'string' || typeof code === 'number' ? code : null;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

function make({ code, message, hint }: Told, where: Where, cause: unknown): MqError {
  return new MqError(code, message, {
    hint,
    backend: 'rabbitmq',
    operation: where.operation,
    queue: where.queue,
    cause,
  });
}
