import { type Target, withParameter } from '../../config/target.ts';

export const DENY_POLICY = [
  '--deny-policy',
  'SQS, which cannot pause: a statement in the queue’s policy that lets only mq receive',
] as const;

/** The target with the operator's leave to write a deny statement into the policies of its queues. */
export function withDenyPolicy(target: Target): Target {
  return withParameter(target, {
    flag: '--deny-policy',
    parameter: 'denyPolicy',
    value: 'true',
    schemes: ['sqs'],
    purpose: 'SQS only: queues of this broker have no policy',
  });
}
