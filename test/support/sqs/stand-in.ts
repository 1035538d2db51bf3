// Stands in for AWS, to see that the tests run against a foreign SQS: the emulator local-aws-sqs with our fake before
// it, in a process of its own.
//   node test/support/sqs/stand-in.ts        prints what to set MQ_TEST_SQS_URL to, and serves until it is interrupted
import { createSqsServer } from 'local-aws-sqs';
import { freePort } from '../free-port.ts';
import { fakeInFrontOf } from './fake-front.ts';

const port = await freePort();
const server = await createSqsServer({ port, hostname: '127.0.0.1' });
const proxy = await fakeInFrontOf(`http://127.0.0.1:${port}`);
process.stdout.write(`sqs://us-east-1?endpoint=${proxy.url}\n`);
const stop = async () => {
  await proxy.stop();
  server.closeAllConnections();
  server.close();
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
