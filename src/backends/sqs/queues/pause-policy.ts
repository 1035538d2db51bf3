import { MqError } from '../../../contract/errors.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { USER_AGENT } from '../sdk/transport.ts';
import { parseJsonObject } from './facts.ts';

/**
 * A paused queue has one statement of ours in its policy: everybody is denied `sqs:ReceiveMessage`, except clients that
 * name `mqops` in their user agent. Because of the exception, the operator can still peek and drain while consumers
 * stand still. It is a convenience, not a lock: any client can claim a user agent. It needs no look-up of the
 * operator's identity (`aws:PrincipalArn` would need a call of STS), and it holds for every operator.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-useragent
 */
const PAUSE_SID = 'mq-pause';

/** The policy with our statement, otherwise unchanged. Null: the statement is there already. */
export function withPause(policy: string | undefined, queueArn: string): string | null {
  const { document, statements } = read(policy);
  if (statements.some(isOurs)) return null;
  const ours: JsonValue = {
    Sid: PAUSE_SID,
    Effect: 'Deny',
    Principal: '*',
    Action: 'sqs:ReceiveMessage',
    Resource: queueArn,
    Condition: { StringNotLike: { 'aws:UserAgent': `*${USER_AGENT}*` } },
  };
  return JSON.stringify({ ...document, Statement: [...statements, ours] });
}

/**
 * The policy without our statement; null: it is not there. The empty text removes the policy, if ours was its only
 * statement.
 */
export function withoutPause(policy: string | undefined): string | null {
  const { document, statements } = read(policy);
  const others = statements.filter((statement) => !isOurs(statement));
  if (others.length === statements.length) return null;
  return others.length === 0 ? '' : JSON.stringify({ ...document, Statement: others });
}

export function isPaused(policy: string | undefined): boolean {
  return statementsOf(parseJsonObject(policy)).some(isOurs);
}

function read(policy: string | undefined): {
  document: Readonly<Record<string, JsonValue | undefined>>;
  statements: readonly JsonValue[];
} {
  if (policy === undefined || policy === '') return { document: { Version: '2012-10-17' }, statements: [] };
  const document = parseJsonObject(policy);
  if (document === null) {
    throw new MqError('UNEXPECTED_RESPONSE', 'the queue’s policy cannot be read, so it is left alone', {
      backend: 'sqs',
    });
  }
  return { document, statements: statementsOf(document) };
}

/** A policy with one statement may contain it directly instead of in a list. */
function statementsOf(document: Readonly<Record<string, JsonValue | undefined>> | null): readonly JsonValue[] {
  const statement = document?.Statement;
  if (statement === undefined) return [];
  return Array.isArray(statement) ? statement : [statement as JsonValue];
}

function isOurs(statement: JsonValue): boolean {
  return typeof statement === 'object' && statement !== null && 'Sid' in statement && statement.Sid === PAUSE_SID;
}
