import { schemeOf } from '../contract/address.ts';
import type { Manifest, Parameter } from '../contract/backend.ts';

/**
 * Why a project's file may not have this URL, as a sentence about it; null: it may. Its parameters may say how messages
 * are read, as the broker's manifest declares, and nothing else. A parameter that names a file of the user, one of
 * their identities, or another place to send something to belongs into the user's own file.
 */
export function projectUrlFault(url: string, brokers: readonly Manifest[]): string | null {
  // URL parsers skip some of these characters, so that the name would be another one afterwards.
  if (/[\p{Cc}\s\\]/u.test(url)) return 'must not contain blanks, control characters or backslashes';
  const allowed = (schemeOf(url, brokers)?.manifest.parameters ?? []).filter(
    ({ inProject }) => inProject !== undefined,
  );
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  for (const [name, value] of new URLSearchParams(query)) {
    const parameter = allowed.find((one) => one.name === name);
    // The name is not shown: it may be the rest of a password.
    if (parameter === undefined) {
      return allowed.length === 0
        ? 'may have no parameters'
        : `may have only these parameters: ${allowed.map((one) => one.name).join(', ')}`;
    }
    const fault = valueFault(parameter, value, url);
    if (fault !== null) return fault;
  }
  return null;
}

function valueFault({ name, inProject }: Parameter, value: string, url: string): string | null {
  const host = hostOf(value);
  if (inProject === 'this-machine' && !isLoopback(host))
    return `${name}= must be an address of this machine (localhost)`;
  if (inProject === 'same-host' && !isLoopback(host) && host !== hostOf(url))
    return `${name}= must be on the host of the broker`;
  return null;
}

/** Null: none can be found. */
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
