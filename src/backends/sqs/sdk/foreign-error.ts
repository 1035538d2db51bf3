/** The parts that are read of an error that the SDK or Node threw. */

export function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error && typeof error.name === 'string'
    ? error.name
    : 'Error';
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/**
 * The code of the system call, even if the SDK or Node wraps it (`AggregateError` of a host with several addresses).
 */
function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return null;
}

/** From the HTTP answer; null: there was none. */
export function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}

/** Failures before the server took a byte of the request: it was certainly not carried out. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const CONNECTION = new Set([...NOT_CONNECTED, 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'EPROTO']);
/** The server's certificate was refused: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE = /^(?:CERT_|ERR_TLS|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH)/;

export function neverConnected(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && (NOT_CONNECTED.has(code) || CERTIFICATE.test(code));
}

/** The code, if it is that of a connection that failed; else null. */
export function connectionCode(error: unknown): string | null {
  const code = codeOf(error);
  return code !== null && (CONNECTION.has(code) || CERTIFICATE.test(code)) ? code : null;
}

/** The advice for an operator. */
export function connectionHint(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'its certificate is for another host name: use the name that the certificate has';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `its certificate ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}`;
  if (CERTIFICATE.test(code))
    return 'its certificate is not trusted: name the authority that signed it in AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS';
  return code === 'ENOTFOUND' ? 'check the region, the endpoint and the network' : 'check the endpoint and the network';
}
