import { type ErrorPlace, isLoginNeedless, redisError, unlessOnlyWritesAreRefused } from '../errors.ts';
import type { RedisSettings } from '../url.ts';
import type { Answer } from './answer.ts';
import type { Call } from './call.ts';
import { CONNECTION_NAME, isOwnLogin } from './own-login.ts';
import { asPairs, asTextOrNull } from './reply.ts';

/**
 * What is said first to one server. PING, because a login that the library has sent does not fail when it is refused.
 * The database is chosen here again, for the same reason: the connection would stay in database 0. HELLO (Redis 6)
 * tells whether the server is a node of a cluster, which has only that one.
 */
export function greetingFor(settings: RedisSettings): readonly Call[] {
  const { username, password, db, topology } = settings;
  const isOwn = isOwnLogin(settings);
  const login: readonly Call[] =
    username !== null ? [['AUTH', username, password ?? '']] : password !== null ? [['AUTH', password]] : [];
  return [
    ...(isOwn ? login : []),
    ['PING'],
    ...(db === 0 ? [] : [['SELECT', db] as const]),
    ...(isOwn ? [['CLIENT', 'SETNAME', CONNECTION_NAME] as const] : []),
    ...(topology === 'single' && db === 0 ? [HELLO] : []),
  ];
}

const HELLO: Call = ['HELLO'];

/**
 * Throws what makes the connection useless: a refusal, or an answer that was lost, also one of those that follow.
 * Returns the answer to HELLO; null: it was not asked.
 */
export function checkGreeting(calls: readonly Call[], answers: readonly Answer[]): Answer | null {
  let hello: Answer | null = null;
  for (const answer of answers) if (!answer.ok && !answer.refused) throw answer.error;
  for (const [index, call] of calls.entries()) {
    const answer = answers[index];
    if (answer === undefined) break;
    if (call === HELLO) hello = answer;
    if (answer.ok || call[0] === 'CLIENT' || call === HELLO) continue;
    if (call[0] === 'AUTH' && isLoginNeedless(answer.error)) continue;
    if (call[0] !== 'PING') throw answer.error;
    unlessOnlyWritesAreRefused(answer.error);
  }
  return hello;
}

/** Whether the server is a node of a cluster; null: HELLO is not known or not allowed. */
export function isClusterBy(hello: Answer, place: ErrorPlace): boolean | null {
  if (hello.ok) return asTextOrNull(asPairs(hello.reply).get('mode')) === 'cluster';
  const error = redisError(hello.error, place);
  if (!MAY_REFUSE.has(error.code)) throw error;
  return null;
}

/** The errors of a server that does not know a command or does not allow it. */
export const MAY_REFUSE: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'NOT_SUPPORTED', 'UNEXPECTED_RESPONSE']);
