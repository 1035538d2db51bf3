import { expect, inject, it } from 'vitest';
import { rabbitmqVhost } from '../rabbitmq/vhost.ts';

const vhost = await rabbitmqVhost();
const { version } = vhost;
await vhost.remove();

it('is the release that the project is named after', () => {
  expect(version).toMatch(inject('release') === 'rabbitmq-4' ? /^4\./ : /^\d+\.\d+\./);
});
