import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { MqError } from '../../contract/errors.ts';
import { safe } from '../../core/safe-text.ts';

const NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const EXACT = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;
const LONGEST_MS = 300_000;

/** The package to install. */
export interface Wanted {
  /** In the form that npm takes. */
  readonly spec: string;
  /** Null: the archive contains it. */
  readonly name: string | null;
  /** An installation always gives the same code. */
  readonly isExact: boolean;
}

/**
 * `NAME`, `NAME@1.2.3`, or the path of an archive that `npm pack` has made. Throws `USAGE` for anything else: npm also
 * takes a URL or a repository, but nothing locks their code.
 */
export function wanted(text: string, folder: string): Wanted {
  if (/^\.{0,2}\//.test(text) && text.endsWith('.tgz'))
    return { spec: resolve(folder, text), name: null, isExact: true };
  const at = text.indexOf('@', 1);
  const [name, version] = at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (NAME.test(name) && (version === null || EXACT.test(version)))
    return { spec: text, name, isExact: version !== null };
  throw new MqError('USAGE', 'that is not the name of a package', {
    hint: 'NAME, NAME@1.2.3, or the path of an archive: ./NAME-1.2.3.tgz',
  });
}

export interface Npm {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Installs it with its exact version, without running any of its scripts. Resolves to its name and version. */
export async function install(npm: Npm, { spec, name }: Wanted): Promise<{ name: string; version: string }> {
  mkdirSync(npm.folder, { recursive: true, mode: 0o700 });
  const own = join(npm.folder, 'package.json');
  const before = dependencies(own);
  if (before === null) writeFileSync(own, '{"private":true}\n', { mode: 0o600 });
  await run(npm, ['install', '--save-exact', '--', spec]);
  const after = dependencies(own) ?? {};
  const added = name ?? Object.keys(after).find((one) => after[one] !== before?.[one]) ?? archived(after, spec);
  if (added === undefined) throw new MqError('UNEXPECTED_RESPONSE', 'npm has installed nothing');
  const { version } = JSON.parse(readFileSync(join(npm.folder, 'node_modules', added, 'package.json'), 'utf8'));
  return { name: added, version: String(version) };
}

export async function uninstall(npm: Npm, name: string): Promise<void> {
  await run(npm, ['uninstall', '--', name]);
}

/** Installing the same archive again changes nothing. */
function archived(after: Readonly<Record<string, string>>, spec: string): string | undefined {
  const ending = spec.slice(spec.lastIndexOf('/') + 1);
  return Object.keys(after).find((name) => after[name]?.endsWith(ending));
}

function dependencies(file: string): Readonly<Record<string, string>> | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).dependencies ?? {};
  } catch {
    return null;
  }
}

async function run({ folder, env, signal }: Npm, [verb = '', ...rest]: readonly string[]): Promise<void> {
  const always = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const options = { cwd: folder, env: { ...env }, signal, timeout: LONGEST_MS, maxBuffer: 16 * 1024 * 1024 };
  try {
    await promisify(execFile)('npm', [verb, ...always, ...rest], options);
  } catch (error) {
    if (signal.aborted) throw error;
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing) throw new MqError('UNAVAILABLE', 'npm was not found; it comes with Node.js');
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const first = said.split('\n').find((line) => line.trim() !== '') ?? 'it does not say why';
    throw new MqError('UNAVAILABLE', `npm ${verb} has failed: ${safe(first)}`);
  }
}
