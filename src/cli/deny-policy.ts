import type { Target } from '../config/target.ts';
import { MqError } from '../contract/errors.ts';

export const DENY_POLICY = [
  '--deny-policy',
  'SQS, which cannot pause: a statement in the queue’s policy that lets only mq receive',
] as const;

/** The target with the operator's leave to write a deny statement into the policies of its queues. Throws `NOT_SUPPORTED` where there are none. */
export function withDenyPolicy(target: Target): Target {
  const url = URL.canParse(target.url) ? new URL(target.url) : null;
  if (url?.protocol !== 'sqs:') {
    throw new MqError('NOT_SUPPORTED', '--deny-policy is for SQS only: queues of this broker have no policy', {
      hint: 'leave it out',
    });
  }
  url.searchParams.set('denyPolicy', 'true');
  return { ...target, url: url.href };
}
