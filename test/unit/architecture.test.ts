import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allBackends } from '../../src/backends/registry.ts';
import { breaches, importsOf, type SourceFile } from './architecture-rules.ts';
import { missingRoles, rolesOf } from './backend-roles.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

function sources(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }));
}

describe('the architecture', () => {
  it('of src keeps every rule', () => {
    const files = sources();
    expect(files.map(({ path }) => path)).toContain('contract/queue.ts');
    expect(breaches(files)).toEqual([]);
  });
});

describe('the roles of the backends', () => {
  const paths = readdirSync(join(SRC, 'backends'), { recursive: true, encoding: 'utf8' });

  it('have a file of the same name in every backend, as far as its records ask for them', async () => {
    for (const backend of await allBackends()) expect(missingRoles(backend, paths)).toEqual([]);
  });

  it('are missed where one is not there', async () => {
    const backends = await allBackends();
    for (const backend of backends) {
      const files = backend.kinds.flatMap((record) => rolesOf(record)).map((role) => `${role}.ts`);
      const lost = new Set([...files, 'README.md'].map((file) => `${backend.name}/${file}`));
      expect(new Set(missingRoles(backend, []))).toEqual(lost);
    }
    expect(backends.some(({ kinds }) => kinds.some((record) => rolesOf(record).includes('move')))).toBe(true);
    expect(backends.some(({ kinds }) => !kinds.some((record) => rolesOf(record).includes('move')))).toBe(true);
  });
});

/** A sound little tree, to which each example adds one mistake. */
const SOUND: readonly SourceFile[] = [
  { path: 'contract/queue.ts', text: "import type { Message } from './message.ts';\n" },
  { path: 'contract/message.ts', text: '// import { x } from "react"\nexport interface Message {}\n' },
  {
    path: 'core/move.ts',
    text: "import type { Queue } from '../contract/queue.ts';\nconst s = `the process ended`;\n",
  },
  {
    path: 'backends/sqs/index.ts',
    text: "import { SQSClient } from '@aws-sdk/client-sqs';\nimport '../../contract/queue.ts';\n",
  },
  { path: 'backends/redis/index.ts', text: "import {\n  Redis,\n} from 'ioredis';\n" },
  { path: 'backends/registry.ts', text: "const load = () => import('./sqs/index.ts');\n" },
  { path: 'feed/feed.ts', text: "import '../core/move.ts';\n" },
  { path: 'top/view.tsx', text: "import { Box } from 'ink';\nimport '../change/act.ts';\n" },
  { path: 'change/act.ts', text: "import '../feed/feed.ts';\n" },
  { path: 'cli/main.ts', text: "import './connect.ts';\nprocess.exitCode = 0;\n" },
  { path: 'cli/connect.ts', text: "import { load } from '../backends/registry.ts';\n" },
];

describe('the rules find', () => {
  it('nothing wrong with a sound tree', () => {
    expect(breaches(SOUND)).toEqual([]);
  });

  it.each([
    ['the core reaching for a backend', 'core/x.ts', "import '../backends/sqs/index.ts';\n"],
    [
      'the core reaching for the command line, in the middle of a file',
      'core/x.ts',
      "a();\nexport * from '../cli/main.ts';\n",
    ],
    ['the contract reaching for the core', 'contract/x.ts', "import '../core/move.ts';\n"],
    ['the contract reaching for a package', 'contract/x.ts', "import 'yaml';\n"],
    ['a backend reaching for another', 'backends/sqs/x.ts', "import '../redis/index.ts';\n"],
    ['a backend reaching for the core', 'backends/sqs/x.ts', "import type { X } from '../../core/move.ts';\n"],
    ['what backends share reaching for a backend', 'backends/common/x.ts', "import '../redis/index.ts';\n"],
    ['what backends share reaching for the registry', 'backends/common/x.ts', "import '../registry.ts';\n"],
    ['what backends share reaching for the core', 'backends/common/x.ts', "import '../../core/move.ts';\n"],
    ['what backends share reaching for a library', 'backends/common/x.ts', "import 'commander';\n"],
    ['a backend reaching for the registry', 'backends/sqs/x.ts', "import '../registry.ts';\n"],
    ['the change reaching for the live view', 'change/x.ts', "import '../top/view.tsx';\n"],
    ['the change reaching for the command line', 'change/x.ts', "import '../cli/main.ts';\n"],
    ['the feed reaching for the change', 'feed/x.ts', "import '../change/act.ts';\n"],
    ['the feed reaching for the live view', 'feed/x.ts', "import '../top/view.tsx';\n"],
    ['the core reaching for the feed', 'core/x.ts', "import '../feed/feed.ts';\n"],
    ['the live view reaching for the configuration', 'top/x.ts', "import '../config/y.ts';\n"],
    ['the command line naming a backend', 'cli/x.ts', "const b = await import('../backends/sqs/index.ts');\n"],
    ['a second place that reaches for the registry', 'cli/x.ts', "import '../backends/registry.ts';\n"],
    ['another client in a backend', 'backends/sqs/x.ts', "import amqplib from 'amqplib';\n"],
    ['a client in the command line', 'cli/x.ts', "import { Redis } from 'ioredis';\n"],
    ['another file than the version reading the manifest', 'cli/x.ts', "import m from '../../package.json';\n"],
    ['React outside the live view', 'cli/x.tsx', "import React from 'react';\n"],
    ['a file that is not there', 'core/x.ts', "import './gone.ts';\n"],
    ['a file of itself (a circle of one)', 'core/x.ts', "import './x.ts';\n"],
    ['a file of over 500 lines', 'core/x.ts', 'a();\n'.repeat(501)],
    ['an error known by its class', 'core/x.ts', 'if (error instanceof MqError) a();\n'],
    ['a decision by a pattern of a message', 'core/x.ts', 'if (/ gone$/.test(error.message)) a();\n'],
    ['a decision by a part of a message', 'core/x.ts', "if (error.message.includes('gone')) a();\n"],
    ['a decision by a whole message', 'backends/sqs/x.ts', "if (message === 'gone') a();\n"],
    ['a member of a queue called without asking', 'core/x.ts', 'await queue.peek?.({});\n'],
    ['utils', 'core/string-utils.ts', ''],
    ['a name that is not in kebab-case', 'core/MoveAll.ts', ''],
    ['the process outside main', 'core/x.ts', 'const home = process.env.HOME;\n'],
    ['the process by destructuring', 'cli/x.ts', 'const { env } = process;\n'],
    ['the process handed on', 'cli/x.ts', 'run(process);\n'],
    ['the process imported', 'cli/x.ts', "import { env } from 'node:process';\n"],
  ])('%s', (_, path, text) => {
    expect(breaches([...SOUND, { path, text }])).toHaveLength(1);
  });

  it('a heap of files in one folder of a backend', () => {
    const heap = Array.from({ length: 40 }, (_, n) => ({ path: `backends/sqs/heap/file-${n}.ts`, text: '' }));
    expect(breaches([...SOUND, ...heap])).toEqual(['backends/sqs/heap has 40 files in one heap']);
  });

  it('a circle through several files', () => {
    const one = { path: 'core/a.ts', text: "import './b.ts';\n" };
    const two = { path: 'core/b.ts', text: "import { type X, y } from './a.ts';\n" };
    expect(breaches([...SOUND, one, two])).toEqual(['circle: core/a.ts → core/b.ts → core/a.ts']);
  });

  it('a circle between rooms whose files are in none', () => {
    const files = [
      { path: 'cli/help/a.ts', text: "import '../start/b.ts';\n" },
      { path: 'cli/start/b.ts', text: '' },
      { path: 'cli/start/c.ts', text: "import '../door.ts';\n" },
      { path: 'cli/door.ts', text: "import './help/d.ts';\n" },
      { path: 'cli/help/d.ts', text: '' },
    ];
    expect(breaches([...SOUND, ...files])).toEqual([
      'rooms in a circle: cli/help → cli/start → cli/door.ts → cli/help',
    ]);
  });

  it.each([
    ['between the folders of a backend', 'backends/sqs', 'leases/a.ts', 'queues/b.ts', 'queues/c.ts', 'leases/d.ts'],
    ['through a role of a backend', 'backends/sqs', 'leases/a.ts', 'peek.ts', 'peek.ts', 'leases/d.ts'],
    ['deep in a backend', 'backends/redis/list', 'dead/a.ts', 'message.ts', 'message.ts', 'dead/d.ts'],
    ['deep in the live view', 'top/view/rows', 'x/a.ts', 'y/b.ts', 'y/c.ts', 'x/d.ts'],
    ['from deep inside one folder to deep inside another', 'core', 'x/1/a.ts', 'y/b.ts', 'y/2/c.ts', 'x/3/d.ts'],
  ])('a circle %s, though no file is in one', (_, folder, from, to, back, home) => {
    const files = new Map([from, to, back, home].map((name) => [name, '']));
    const add = (name: string, target: string): void => {
      const path = posix.relative(posix.dirname(name), target);
      files.set(name, `import '${path.startsWith('.') ? path : `./${path}`}';\n`);
    };
    add(from, to);
    add(back, home);
    const tree = [...files].map(([name, text]) => ({ path: `${folder}/${name}`, text }));
    const rooms = [from, to, from].map((name) => `${folder}/${name.split('/')[0]}`);
    expect(breaches([...SOUND, ...tree])).toEqual([`rooms in a circle: ${rooms.join(' → ')}`]);
  });

  it('imports in every form', () => {
    const text = `
      import a from './1.ts'; import { b,
        type C } from "./2.ts";
      export * from './3.ts';
      export { d } from './4.ts';
      import './5.ts';
      const e = await import('./6.ts');
      type F = import('./7.ts').F;
      // import g from './no.ts';
      /* import h from './no.ts'; */
      const url = 'http://no'; const text = "/* no comment";
    `;
    expect(importsOf(text).toSorted()).toEqual(['1', '2', '3', '4', '5', '6', '7'].map((n) => `./${n}.ts`));
  });
});
