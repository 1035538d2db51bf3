import { MqError } from '../../contract/errors.ts';
import { readUrl } from '../common/url.ts';
import { manifest } from './manifest.ts';
import type { Environment } from './sdk/transport.ts';

/** How messages are received. These are settings of the URL, because the right values depend on the server. */
export interface Reception {
  /**
   * How long one receive waits for messages, in seconds, 0 to 20. A short poll (0) asks only some of SQS's servers and
   * may miss messages; a long poll asks all of them.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
   */
  readonly waitSeconds: number;
  /** After this many empty answers in a row, the queue counts as empty. */
  readonly emptyPolls: number;
  /** How long a message stays hidden if the process that holds it dies, in seconds; null: as the work needs it. */
  readonly leaseSeconds: number | null;
}

/** Where SQS is, as our URL says it. It never contains a credential: those come from the SDK's own chain. */
export interface Address {
  readonly region: string;
  /** The account that a bare name means; null: the caller's own. */
  readonly account: string | null;
  /** Another server than AWS (an emulator, a VPC endpoint); null: the region's own. */
  readonly endpoint: string | null;
  /** The operator allowed `pause` to write a deny statement into the queue's policy. */
  readonly denyPolicy: boolean;
  readonly reception: Reception;
}

/**
 * The right values for AWS. `waitSeconds=0&emptyPolls=1` is right only for a server that answers every receive from all
 * its messages.
 */
const CAREFUL: Reception = Object.freeze({ waitSeconds: 1, emptyPolls: 3, leaseSeconds: null });

const REGION = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const ACCOUNT = /^\d{12}$/;
const SHAPE = 'sqs://REGION or sqs://ACCOUNT@REGION';

/**
 * Reads `sqs://[[ACCOUNT@]REGION][?PARAMETER=VALUE&…]`: `endpoint` (a URL), `denyPolicy` (true or false), `waitSeconds`
 * (0 to 20), `emptyPolls` (1 to 10) and `leaseSeconds` (1 to 43200). Throws `CONFIG_INVALID`, and never quotes the URL
 * or a part of it that could be a misplaced secret. For missing parts it does what every client of AWS does: the region
 * comes from `AWS_REGION`, the server from `AWS_ENDPOINT_URL`.
 */
export function parseAddress(text: string, environment: Environment = {}): Address {
  const url = readUrl(manifest, text);
  if (url === null) throw invalid(`expected ${SHAPE}`);
  if (url.password !== null) {
    throw invalid(
      'an SQS URL must not contain a secret key',
      'leave credentials to the AWS SDK: AWS_PROFILE, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, SSO, or the machine’s role',
    );
  }
  if (url.user !== null && !ACCOUNT.test(url.user)) throw invalid('the account before @ must be 12 digits');
  const [named, ...others] = url.hosts ?? [];
  if ((named !== undefined && named.port !== null) || others.length > 0 || url.path !== '') {
    throw invalid(`expected ${SHAPE}`, 'name another server with ?endpoint=http://HOST:PORT');
  }
  const region = named?.host ?? regionOf(environment);
  if (region === null) throw invalid(`expected ${SHAPE}`, 'without a region in it, AWS_REGION has to name one');
  if (!REGION.test(region)) throw invalid('the region may hold only lower-case letters, digits and hyphens');
  const parameters = url.parameters();
  return {
    region,
    account: url.user,
    endpoint: parseEndpoint(parameters.text('endpoint') ?? endpointOf(environment)),
    denyPolicy: parameters.isTrue('denyPolicy'),
    reception: {
      waitSeconds: parameters.number('waitSeconds') ?? CAREFUL.waitSeconds,
      emptyPolls: parameters.number('emptyPolls') ?? CAREFUL.emptyPolls,
      leaseSeconds: parameters.number('leaseSeconds'),
    },
  };
}

function regionOf({ AWS_REGION: region, AWS_DEFAULT_REGION: other }: Environment): string | null {
  return region || other || null;
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function endpointOf(environment: Environment): string | null {
  if (environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return null;
  return environment.AWS_ENDPOINT_URL_SQS || environment.AWS_ENDPOINT_URL || null;
}

/** The address in prompts and reports. */
export function showAddress(address: Address): string {
  const account = address.account === null ? '' : `${address.account}@`;
  const endpoint = address.endpoint === null ? '' : `?endpoint=${address.endpoint}`;
  return `sqs://${account}${address.region}${endpoint}`;
}

function parseEndpoint(text: string | null): string | null {
  if (text === null) return null;
  const url = parseUrl(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid('endpoint must be an http:// or https:// URL');
  }
  if (url.username !== '' || url.password !== '') throw invalid('endpoint must not hold a user or password');
  // The address is shown, and a parameter may be a key.
  if (url.search !== '' || url.hash !== '') throw invalid('endpoint must end with its path');
  return url.href.replace(/\/$/, '');
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function invalid(message: string, hint?: string): MqError {
  return new MqError('CONFIG_INVALID', message, { backend: 'sqs', operation: 'open', hint });
}
