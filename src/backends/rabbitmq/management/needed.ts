import { MqError } from '../../../contract/errors.ts';
import type { Answer } from './client.ts';

/** The error for a question that AMQP alone cannot answer. `what` begins a sentence: "listing queues". */
export function needsManagement(what: string, reason: string): MqError {
  return new MqError('UNAVAILABLE', `${what} needs the management API: ${reason}`, {
    hint: 'enable the plugin rabbitmq_management, and give its address by ?management=http://HOST:15672 in the URL',
    backend: 'rabbitmq',
  });
}

export function whyNot(answer: Answer): string {
  return answer.status === 'unavailable' ? answer.reason : 'the management API does not know them';
}
