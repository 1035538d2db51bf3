import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MANIFESTS } from '../../src/backends/registry.ts';
import { factsIn } from './broker-facts.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
/** The rooms that work for any broker. */
const ROOMS = ['cli', 'top', 'change', 'feed', 'core', 'config', 'contract'];

it('no fact of one broker stands outside its folder', () => {
  const found = ROOMS.flatMap((room) =>
    readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path))
      .flatMap((path) =>
        factsIn(readFileSync(join(SRC, room, path), 'utf8'), MANIFESTS).map((fact) => [room, path, fact]),
      ),
  );
  expect(found).toEqual([]);
});

it.each([
  ['a scheme', "const url = 'amqps://host';", 'amqps'],
  ['a scheme without slashes', 'const url = `sqlite:here`;', 'sqlite'],
  ['a name', "if (broker.name === 'rabbitmq') return;", 'rabbitmq'],
  ['a title', "const text = 'not on RabbitMQ';", 'RabbitMQ'],
  ['a kind that is a word of its own', "if (queue.kind === 'bullmq') return;", 'bullmq'],
  ['a kind that is an ordinary word', "if (queue.kind === 'stream') return;", "kind === 'stream'"],
  ['a parameter', "const hint = 'write ?dlq=NAME';", '?dlq='],
  ['a port', 'const port = 5672;', '5672'],
])('the walk finds %s', (_what, text, fact) => {
  expect(factsIn(text, MANIFESTS)).toEqual([fact]);
});

it('the walk finds nothing in comments, and in words that only sound so', () => {
  const text =
    "// RabbitMQ\n/* redis: */\nimport { Readable } from 'node:stream';\nconst states = ['list', 'standard'];\n";
  expect(factsIn(text, MANIFESTS)).toEqual([]);
});
