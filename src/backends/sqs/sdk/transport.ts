import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { MqError } from '../../../contract/errors.ts';

/**
 * The settings that a client of AWS honours: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-proxy.html
 */
export type Environment = Readonly<Partial<Record<string, string>>>;

/** Marks our requests. The deny policy of `pause` lets requests with this mark through. */
export const USER_AGENT = 'mqops';

export interface Transport {
  readonly connectionTimeout: number;
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

const MAX_SOCKETS = 50;

/**
 * How requests leave this machine: through the proxy that `HTTPS_PROXY` (for an `http://` endpoint `HTTP_PROXY`) names,
 * except for hosts of `NO_PROXY` and this machine itself. The authorities in the file of `AWS_CA_BUNDLE` are trusted.
 * `host`: that of the server. Throws `CONFIG_INVALID`, and never quotes a proxy's URL, which may contain a password.
 */
export async function transportTo(
  host: string,
  environment: Environment,
  connectTimeoutMs: number,
): Promise<Transport> {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const ca = authorities(environment);
  const secure = { ...options, ...(ca === null ? {} : { ca }) };
  const direct = {
    connectionTimeout: connectTimeoutMs,
    httpAgent: new HttpAgent(options),
    httpsAgent: new HttpsAgent(secure),
  };
  if (isDirect(host, variable(environment, 'no_proxy'))) return direct;
  const [plainProxy, secureProxy] = [proxyOf(environment, 'http_proxy'), proxyOf(environment, 'https_proxy')];
  if (plainProxy !== null) {
    const { HttpProxyAgent } = await import('http-proxy-agent');
    direct.httpAgent = new HttpProxyAgent(plainProxy, secure) as unknown as HttpAgent;
  }
  if (secureProxy !== null) {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    direct.httpsAgent = new HttpsProxyAgent(secureProxy, secure) as unknown as HttpsAgent;
    // It trusts them for the proxy alone. Those of the server behind it are taken from the options of the agent.
    if (ca !== null) direct.httpsAgent.options.ca = ca;
  }
  return direct;
}

/** True for this machine, and for the entries of `NO_PROXY`: hosts with all their subdomains, or `*`. */
function isDirect(host: string, noProxy: string | null): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost') || /^127\./.test(name) || name === '::1') return true;
  return (noProxy ?? '')
    .split(/[\s,]+/)
    .map((entry) =>
      entry
        .toLowerCase()
        .replace(/:\d+$/, '')
        .replace(/^\*?\./, ''),
    )
    .some((entry) => entry !== '' && (entry === '*' || name === entry || name.endsWith(`.${entry}`)));
}

/** Lower case wins, as in curl and boto3. */
function variable(environment: Environment, name: string): string | null {
  const value = environment[name] ?? environment[name.toUpperCase()];
  return value === undefined || value === '' ? null : value;
}

function proxyOf(environment: Environment, name: 'http_proxy' | 'https_proxy'): URL | null {
  const text = variable(environment, name);
  if (text === null) return null;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url);
  throw invalid(`${name.toUpperCase()} is not the URL of a proxy`, 'expected http://HOST:PORT or https://HOST:PORT');
}

function authorities(environment: Environment): Buffer | null {
  const path = environment.AWS_CA_BUNDLE;
  if (path === undefined || path === '') return null;
  try {
    return readFileSync(path);
  } catch {
    throw invalid(`the file that AWS_CA_BUNDLE names cannot be read: ${path}`, 'name a file with certificates in PEM');
  }
}

function invalid(message: string, hint: string): MqError {
  return new MqError('CONFIG_INVALID', message, { backend: 'sqs', operation: 'open', hint });
}
