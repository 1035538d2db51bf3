/**
 * A host that does not exist, and for which no server of names is asked: a label has 63 octets at most (RFC 1035,
 * 2.3.4). The answer of a server may be lost on its way, and is then told as a time-out.
 */
export const NO_HOST = `${'x'.repeat(64)}.invalid`;
