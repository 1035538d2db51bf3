import { MqError } from '../../../contract/errors.ts';
import { type Address, showAddress } from '../url.ts';

/** A queue as an operator may name it: by its name, its URL or its ARN. */
export interface QueueReference {
  readonly name: string;
  /** Null: the account of the address. */
  readonly account: string | null;
  /** The queue URL as it was given; null if the broker has to be asked for it. */
  readonly url: string | null;
  /**
   * The URL names another host than the connection's: it is the same queue only if the server itself uses this URL for
   * it.
   */
  readonly elsewhere: boolean;
}

/**
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html: 80 characters, `.fifo`
 * included.
 */
const NAME = /^[A-Za-z0-9_-]{1,80}$/;
const FIFO_SUFFIX = '.fifo';

export function isFifoName(name: string): boolean {
  return name.endsWith(FIFO_SUFFIX);
}

export function isQueueName(name: string): boolean {
  const stem = isFifoName(name) ? name.slice(0, -FIFO_SUFFIX.length) : name;
  return name.length <= 80 && NAME.test(stem);
}

/**
 * Reads a queue name, URL or ARN. A URL is only data: requests always go to the address, never to the host in the URL,
 * so that a hostile name cannot redirect signed requests. Throws `USAGE` for a queue of another region or server, and
 * `QUEUE_NOT_FOUND` for a text that cannot be a queue.
 */
export function parseReference(text: string, address: Address): QueueReference {
  if (text.startsWith('arn:')) return fromArn(text, address);
  if (/^https?:\/\//.test(text)) return fromUrl(text, address);
  if (!isQueueName(text)) throw notAQueue(text);
  return { name: text, account: null, url: null, elsewhere: false };
}

/** The parts of `arn:aws:sqs:REGION:ACCOUNT:NAME`; null: it is not the ARN of a queue. */
export function parseArn(arn: string): { region: string; account: string; name: string } | null {
  const [prefix, , service, region, account, name, ...rest] = arn.split(':');
  if (prefix !== 'arn' || service !== 'sqs' || rest.length > 0) return null;
  if (region === undefined || account === undefined || name === undefined || !isQueueName(name)) return null;
  return { region, account, name };
}

/** The name in a queue URL: its last part. */
export function nameFromUrl(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function fromArn(text: string, address: Address): QueueReference {
  const arn = parseArn(text);
  if (arn === null) throw notAQueue(text);
  refuseOtherRegion(arn.region, address, text);
  return { name: arn.name, account: arn.account, url: null, elsewhere: false };
}

function fromUrl(text: string, address: Address): QueueReference {
  const url = URL.canParse(text) ? new URL(text) : null;
  const [account, name, ...rest] =
    url === null
      ? []
      : url.pathname
          .split('/')
          .filter((part) => part !== '')
          .slice(-2);
  if (url === null || account === undefined || name === undefined || rest.length > 0 || !isQueueName(name)) {
    throw notAQueue(text);
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') throw notAQueue(text);
  const region = regionOfHost(url.hostname);
  if (region !== null) refuseOtherRegion(region, address, text);
  const server = address.endpoint === null ? null : new URL(address.endpoint);
  const isAws = server === null || regionOfHost(server.hostname) !== null;
  const elsewhere = isAws ? region === null : !isSameServer(url, server);
  // AWS uses no other host for a queue, so nothing has to be asked.
  if (elsewhere && isAws) throw elsewhereError(text, address);
  return { name, account: accountIn(text), url: text.replace(/\/+$/, ''), elsewhere };
}

/** The account in a queue URL; null: it names none. */
export function accountIn(url: string): string | null {
  return /\/(\d{12})\/[^/]+\/*$/.exec(url)?.[1] ?? null;
}

export function elsewhereError(text: string, address: Address): MqError {
  return new MqError('USAGE', `that queue is on another server or of another account than ${showAddress(address)}`, {
    backend: 'sqs',
    operation: 'open queue',
    queue: text,
    hint: 'name the queue by its name alone, or connect to the server in its URL: --url sqs://REGION?endpoint=…',
  });
}

/** The names of this machine count as one. */
function isSameServer(one: URL, other: URL): boolean {
  const port = ({ port: given, protocol }: URL): string => given || (protocol === 'https:' ? '443' : '80');
  const host = ({ hostname }: URL): string =>
    /^(?:127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname) ? 'localhost' : hostname;
  return host(one) === host(other) && port(one) === port(other);
}

/**
 * The region that a host of AWS stands for, including China and the government's cloud, FIPS, dual stack and VPC
 * endpoints, and the old spelling; null for other hosts. https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
 */
function regionOfHost(host: string): string | null {
  const modern =
    /(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)$/;
  const old = /^(?:([a-z0-9-]+)\.)?queue\.amazonaws\.com(?:\.cn)?$/.exec(host);
  return old === null ? (modern.exec(host)?.[1] ?? null) : (old[1] ?? 'us-east-1');
}

function refuseOtherRegion(region: string, address: Address, queue: string): void {
  if (region === address.region) return;
  throw new MqError('USAGE', `the queue is in region ${region}, but the connection is to ${address.region}`, {
    backend: 'sqs',
    operation: 'open queue',
    queue,
    hint: `use --url sqs://${region} or a context for that region`,
  });
}

function notAQueue(text: string): MqError {
  return new MqError(
    'QUEUE_NOT_FOUND',
    `there is no queue ${text}: SQS names hold letters, digits, - and _, at most 80 characters`,
    {
      backend: 'sqs',
      operation: 'open queue',
      queue: text,
      hint: 'a queue name, a queue URL or a queue ARN is expected',
    },
  );
}
