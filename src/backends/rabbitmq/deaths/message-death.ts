import type { Death } from '../../../contract/message.ts';
import { frameworkDeath } from '../../common/conventions/framework-death.ts';
import type { FrameworkDeath, Letter, Route } from '../../common/conventions/letter.ts';
import { deathOf, hasFailed, replaysOf } from './death.ts';

/**
 * How a message died: by `x-death`, which the broker writes, and by the marks of the application's framework. If both
 * say it, the broker's word counts, with the framework's error. The framework's counts if it is later and names another
 * queue: it has dealt with the message since.
 */
export function messageDeath(letter: Letter, delivered: Route): Death | null {
  const { headers, queue } = letter;
  const broker = deathOf(headers, queue);
  const framework = frameworkDeath(letter);
  if (framework === null || isBack(framework, delivered)) return broker;
  const { from, reason, error, at } = framework;
  // A framework that retries by letting messages expire leaves x-death entries of its own queues.
  if (broker === null || !hasFailed(headers))
    return { from, reason, error, at, count: null, replays: replaysOf(headers) };
  const isLater = at !== null && broker.at !== null && at >= broker.at;
  return from !== null && isLater && from !== broker.from
    ? { ...broker, from, reason, error, at, count: null }
    : { ...broker, error };
}

/** It came into its queue by the same exchange and key from which it was lost. */
function isBack({ route }: FrameworkDeath, { exchange, routingKey }: Route): boolean {
  return route !== null && route.exchange === exchange && route.routingKey === routingKey;
}
