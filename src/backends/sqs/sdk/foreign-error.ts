/** What is read of an error that the SDK or Node threw. */

export function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error && typeof error.name === 'string'
    ? error.name
    : 'Error';
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/**
 * The code of the system call, also where the SDK or Node wraps it (`AggregateError` of a host with several addresses).
 */
function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return null;
}

/** Of the HTTP answer; null when there was none. */
export function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}

/** Failures before a byte of the request was taken by the server: what was asked was certainly not done. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const CONNECTION = new Set([...NOT_CONNECTED, 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'EPROTO']);
/** The server's certificate was refused: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE = /^(?:CERT_|ERR_TLS|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH)/;

export function neverConnected(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && (NOT_CONNECTED.has(code) || CERTIFICATE.test(code));
}

/** The code, when it is one of a connection that failed; null when it is not. */
export function connectionCode(error: unknown): string | null {
  const code = codeOf(error);
  return code !== null && (CONNECTION.has(code) || CERTIFICATE.test(code)) ? code : null;
}

/** What an operator can do about it. */
export function connectionHint(code: string): string {
  if (CERTIFICATE.test(code))
    return 'Its certificate is not trusted: name the authority that signed it in NODE_EXTRA_CA_CERTS.';
  return code === 'ENOTFOUND'
    ? 'Check the region, the endpoint and the network.'
    : 'Check the endpoint and the network.';
}
