import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { abortedError, isMqError, MqError } from '../contract/errors.ts';
import type { SecretText } from './configuration.ts';
import type { Environment } from './places.ts';
import { errnoOf } from './private-file.ts';
import { readSmallFileOrPipe, UnfitFile } from './small-file.ts';

/** The purpose of a secret and where to look for it, for messages and for the paths in it. */
export interface SecretRequest {
  /** `contexts.prod.password`. */
  readonly path: string;
  /** Relative paths are relative to the configuration file. */
  readonly configFile: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** Enough for any password. A command that writes more is not the one that was meant. */
const LARGEST_SECRET_BYTES = 64 * 1024;

/** The longest wait for a `{command: …}`: it may ask for a fingerprint. */
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * Fetches a secret. One line feed at its end is dropped, because files and commands usually end with one. Throws
 * `CONFIG_INVALID` if there is no secret. The error contains nothing of the secret, and nothing that a command wrote to
 * stderr.
 */
export async function fetchSecret(secret: SecretText, request: SecretRequest): Promise<string> {
  switch (secret.from) {
    case 'text':
      return secret.text;
    case 'env':
      return required(request.env[secret.name], request, `the variable ${secret.name} is not set`);
    case 'file':
      return required(await readSecretFile(secret.path, request), request, `${secret.path} is empty`);
    case 'command':
      return required(await runSecretCommand(secret.argv, request), request, `${secret.argv[0]} wrote nothing`);
  }
}

function required(value: string | undefined, { path }: SecretRequest, problem: string): string {
  if (value === undefined || value === '') throw new MqError('CONFIG_INVALID', `${path}: ${problem}`);
  return value;
}

async function readSecretFile(written: string, { path, configFile, env, signal }: SecretRequest): Promise<string> {
  const expanded = written.startsWith('~/') ? join(env.HOME || homedir(), written.slice(2)) : written;
  const file = isAbsolute(expanded) ? expanded : join(dirname(configFile), expanded);
  try {
    return withoutLineEnd((await readSmallFileOrPipe(file, signal)).text);
  } catch (error) {
    if (isMqError(error)) throw error;
    if (error instanceof UnfitFile)
      throw new MqError('CONFIG_INVALID', `${path}: cannot read ${file}: ${error.message}`);
    throw new MqError('CONFIG_INVALID', `${path}: cannot read ${file}: ${errnoOf(error)}`);
  }
}

async function runSecretCommand(argv: readonly string[], { path, env, signal }: SecretRequest): Promise<string> {
  const { spawn } = await import('node:child_process');
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const refuse = (problem: string): void =>
      reject(
        new MqError('CONFIG_INVALID', `${path}: ${program} ${problem}`, { hint: 'run it by hand to see what it says' }),
      );
    const child = spawn(program, args, {
      env: { ...env },
      // The command shares stdin and stderr with the user: a password manager may have to ask.
      stdio: ['inherit', 'pipe', 'inherit'],
      timeout: COMMAND_TIMEOUT_MS,
      signal,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LARGEST_SECRET_BYTES) child.kill();
      else chunks.push(chunk);
    });
    child.on('error', (error) => {
      if (signal.aborted) reject(abortedError(signal));
      else refuse(`could not be started: ${errnoOf(error)}`);
    });
    child.on('close', (code, killedBy) => {
      if (bytes > LARGEST_SECRET_BYTES) refuse('wrote more than a password');
      else if (code !== 0)
        refuse(code === null ? `was ended by ${killedBy ?? 'a signal'}` : `ended with exit code ${code}`);
      else resolve(withoutLineEnd(Buffer.concat(chunks).toString('utf8')));
    });
  });
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
