import { parseObject } from '../../../common/conventions/json-text.ts';
import type { Call, Connection } from '../../connection/connection.ts';
import { asInteger } from '../../connection/reply.ts';
import { type Framework, TITLES } from '../../framework.ts';

/**
 * Why the workers of the framework cannot run the messages, for each body; null: they can. A worker of Celery drops its
 * connection at a body that is not its own envelope, and the message is gone. Sidekiq's buries it. RQ's, Laravel's and
 * Dramatiq's throw it away.
 */
export async function whyNotWorkable(
  connection: Connection,
  queue: string,
  framework: Framework,
  bodies: readonly Buffer[],
): Promise<readonly (string | null)[]> {
  if (framework !== 'rq' && framework !== 'dramatiq') return bodies.map((body) => missingOf(framework, body));
  const place = { operation: 'send', queue };
  const answers = await connection.each(
    bodies.map(
      (body): Call =>
        framework === 'rq' ? ['EXISTS', Buffer.concat([RQ_JOB, body])] : ['HEXISTS', `${queue}.msgs`, body],
    ),
    place,
  );
  return answers.map((answer) =>
    answer.ok && asInteger(answer.reply) === 1
      ? null
      : framework === 'rq'
        ? `${queue} is a queue of RQ, which holds the ids of jobs, and there is no job of this id (key rq:job:ID): enqueue it with RQ`
        : `${queue} is a queue of Dramatiq, which holds the ids of messages, and there is none of this id (hash ${queue}.msgs): enqueue it with Dramatiq`,
  );
}

const RQ_JOB = Buffer.from('rq:job:');

function missingOf(framework: Exclude<Framework, 'rq' | 'dramatiq'>, body: Buffer): string | null {
  const object = parseObject(body.toString('utf8'));
  const missing =
    object === null
      ? ['a JSON object']
      : PARTS[framework].filter(([, isThere]) => !isThere(object)).map(([part]) => part);
  if (missing.length === 0) return null;
  return `the queue is ${TITLES[framework]}'s, and its workers cannot run this: it has no ${missing.join(', ')}; enqueue it with ${TITLES[framework]}`;
}

type JsonObject = Readonly<Record<string, unknown>>;
type Part = readonly [name: string, isThere: (object: JsonObject) => boolean];

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
function inside(
  outer: string,
  name: string,
  is: (value: unknown) => boolean = isText,
): (object: JsonObject) => boolean {
  return (object) => {
    const value = object[outer];
    return isObject(value) && is(value[name]);
  };
}

/**
 * The fields that the workers read without checking that they exist (kombu 5 `virtual/base.py`, celery 5
 * `worker/strategy.py`; Sidekiq 7; Laravel 11).
 */
const PARTS: Readonly<Record<Exclude<Framework, 'rq' | 'dramatiq'>, readonly Part[]>> = {
  celery: [
    ['body', ({ body }) => typeof body === 'string'],
    ['content-type', (object) => isText(object['content-type'])],
    ['content-encoding', (object) => isText(object['content-encoding'])],
    ['headers', ({ headers }) => isObject(headers)],
    // Protocol 1 of Celery has task and id in the body, in an encoding of its own.
    ['properties.delivery_tag', inside('properties', 'delivery_tag')],
    ['properties.delivery_info', inside('properties', 'delivery_info', isObject)],
    [
      'headers.task and headers.id',
      ({ headers }) =>
        isObject(headers) &&
        ((headers.task === undefined && headers.id === undefined) || (isText(headers.task) && isText(headers.id))),
    ],
  ],
  sidekiq: [
    ['class', (object) => isText(object.class)],
    ['args', ({ args }) => Array.isArray(args)],
    ['jid', ({ jid }) => isText(jid)],
  ],
  laravel: [
    ['job', ({ job }) => isText(job)],
    ['data', (object) => 'data' in object],
  ],
};
