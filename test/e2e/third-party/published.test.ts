import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const execute = promisify(execFile);
const ROOT = new URL('../../..', import.meta.url).pathname;
const BACKEND = join(ROOT, 'test/fixtures/mq-backend-shelf');

/** A folder of somebody else: our package and theirs, each packed and installed, and nothing of this repository. */
let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'mq-third-party-')));
  // `npm test` has built it; a build here would take the ground from under the tests beside this one.
  const packed = await Promise.all([ROOT, BACKEND].map(pack));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'somebody', type: 'module', private: true }));
  await execute('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...packed], {
    cwd: folder,
  });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function pack(from: string): Promise<string> {
  const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: from,
  });
  return join(folder, stdout.trim());
}

it('a backend of somebody else passes the whole suite under node:test', { timeout: 120_000 }, async () => {
  await cp(join(BACKEND, 'conformance.test.js'), join(folder, 'conformance.test.js'));
  const env: NodeJS.ProcessEnv = { ...process.env };
  // With it, Node takes itself for a part of another run, and tells that one instead of us.
  delete env.NODE_TEST_CONTEXT;
  const { stdout } = await execute(process.execPath, ['--test', '--test-reporter=tap', 'conformance.test.js'], {
    cwd: folder,
    env,
    maxBuffer: 1e8,
  });
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(100);
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(stdout).toMatch(/^# skipped 0$/m);
});

it('its types hold against ours', async () => {
  const own = join(folder, 'types');
  await cp(BACKEND, own, { recursive: true });
  await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  await symlink(join(ROOT, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'));
  await execute(join(ROOT, 'node_modules/.bin/tsc'), ['--project', own]);
  // And are looked at: a mistake is found.
  await writeFile(
    join(own, 'wrong.js'),
    "// @ts-check\nimport { MqError } from 'mqops/backend';\nnew MqError('NO');\n",
  );
  await expect(execute(join(ROOT, 'node_modules/.bin/tsc'), ['--project', own])).rejects.toMatchObject({
    stdout: expect.stringContaining('wrong.js(3,'),
  });
});

it('it runs where ours is not to be found: what it needs is handed to it', async () => {
  const alone = await realpath(await mkdtemp(join(tmpdir(), 'mq-third-party-alone-')));
  try {
    await cp(join(folder, 'node_modules/mq-backend-shelf'), alone, { recursive: true });
    const ask = "const { default: it } = await import('./index.js'); console.log(it.contract, it.manifest.name)";
    const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', ask], { cwd: alone });
    expect(stdout).toBe('1 shelf\n');
  } finally {
    await rm(alone, { recursive: true });
  }
});

it('nothing else of ours can be imported', async () => {
  const from = (name: string) =>
    execute(process.execPath, ['--input-type=module', '--eval', `import '${name}'`], { cwd: folder });
  for (const name of ['mqops', 'mqops/dist/main.js', 'mqops/bin/mq.js', 'mqops/dist/published/backend.js'])
    await expect(from(name), name).rejects.toMatchObject({
      stderr: expect.stringMatching(/ERR_PACKAGE_PATH_NOT_EXPORTED/),
    });
  await from('mqops/backend');
  const { exports } = JSON.parse(await readFile(join(folder, 'node_modules/mqops/package.json'), 'utf8'));
  expect(Object.keys(exports)).toEqual(['./backend', './conformance', './package.json']);
});
