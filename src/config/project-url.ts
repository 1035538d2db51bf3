/**
 * The parameters that the URL of a project's context may have: what says how messages are read, and nothing that names
 * a file of the user, one of their identities, or another place to send something to. Everything else belongs into the
 * person's own file.
 */
const REDIS = [
  ...['kind', 'prefix', 'group', 'dlq', 'next', 'as', 'deadDeliveries', 'deadIdle', 'unwrap', 'scanBudget', 'protocol'],
  ...['cluster', 'sentinel'],
];
const AMQP = ['management', 'server_name_indication', 'heartbeat', 'connection_timeout', 'channel_max'];
const ALLOWED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['redis', new Set(REDIS)],
  ['rediss', new Set(REDIS)],
  ['amqp', new Set(AMQP)],
  ['amqps', new Set(AMQP)],
  ['sqs', new Set(['endpoint', 'waitSeconds', 'emptyPolls', 'leaseSeconds'])],
]);

/** Why a project's file may not have this URL, as a sentence about it; null: it may. */
export function projectUrlFault(url: string): string | null {
  // Parsers of URLs pass over some of these, so that a name is another one afterwards.
  if (/[\p{Cc}\s\\]/u.test(url)) return 'must hold no blanks, controls and backslashes';
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const allowed = ALLOWED.get(scheme);
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  for (const [name, value] of new URLSearchParams(query)) {
    // Not named: what stands there may be the rest of a password.
    if (allowed?.has(name) !== true) {
      return allowed === undefined
        ? 'may have no parameters'
        : `may have no other parameters than ${[...allowed].join(', ')}`;
    }
    if (name === 'endpoint' && !isLoopback(hostOf(value)))
      return 'endpoint= must be an address of this machine (localhost)';
    if (name === 'management' && !isLoopback(hostOf(value)) && hostOf(value) !== hostOf(url)) {
      return 'management= must be on the host of the broker';
    }
  }
  return null;
}

/** Null: there is none to be found. */
function hostOf(url: string): string | null {
  try {
    return new URL(url.replace(/^[a-z][a-z0-9+.-]*:/i, 'http:')).hostname;
  } catch {
    return null;
  }
}

function isLoopback(host: string | null): boolean {
  return host !== null && (host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host));
}
