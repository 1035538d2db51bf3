import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MqError } from '../contract/errors.ts';
import { type Configuration, type Defaults, NO_DEFAULTS } from './configuration.ts';
import { type CurrentContext, readCurrentContext } from './current-context.ts';
import { type Environment, type Places, placesOf, upwards } from './places.ts';
import { errnoOf } from './private-file.ts';
import type { FileContent } from './read-file.ts';

/** All that decides which broker a command talks to, apart from its own flags. */
export interface Settings extends CurrentContext {
  readonly configuration: Configuration;
  readonly places: Places;
}

const PROJECT_FILE = '.mq.yaml';

/**
 * Reads the person's file and the project's. In a conflict the person's own wins, so that a repository cannot redirect a name that they
 * know. A missing file is none, except one that `MQ_CONFIG` names. Throws `CONFIG_INVALID`.
 */
export async function loadSettings(env: Environment, folder: string): Promise<Settings> {
  const places = placesOf(env);
  const [user, project] = await Promise.all([readUserFile(places, env), findProjectFile(folder)]);
  return { configuration: merge(user, project), places, ...readCurrentContext(places) };
}

/** As if there were no files. */
export function emptySettings(env: Environment): Settings {
  return { configuration: merge(null, null), places: placesOf(env), current: null, previous: null };
}

interface Found {
  readonly file: string;
  readonly content: FileContent;
}

async function readUserFile(places: Places, env: Environment): Promise<Found | null> {
  const file = places.configFile;
  const text = readText(file);
  if (text === null) {
    if (!env.MQ_CONFIG) return null;
    throw new MqError('CONFIG_INVALID', `MQ_CONFIG names ${file}, which does not exist`, {
      hint: 'correct it, or make an empty file there: mq context add writes into it',
    });
  }
  const content = await parse(text, file, false);
  const warnings =
    content.warnings.length > 0 && othersMayRead(file) ? [`${file} can be read by others: chmod 600 ${file}`] : [];
  return { file, content: { ...content, warnings: [...warnings, ...content.warnings] } };
}

function othersMayRead(file: string): boolean {
  return (statSync(file).mode & 0o077) !== 0;
}

/** Looked for from `folder` up to the root of its git repository; outside of one only in `folder`, as what lies above is nobody's project. */
async function findProjectFile(folder: string): Promise<Found | null> {
  const inside: string[] = [];
  let isRepository = false;
  for (const candidate of upwards(folder)) {
    inside.push(candidate);
    if (existsSync(join(candidate, '.git'))) {
      isRepository = true;
      break;
    }
  }
  for (const candidate of isRepository ? inside : inside.slice(0, 1)) {
    const file = join(candidate, PROJECT_FILE);
    const text = readText(file);
    if (text !== null) return { file, content: await parse(text, file, true) };
  }
  return null;
}

/** YAML and the validator are loaded only when there is a file. */
async function parse(text: string, file: string, isProject: boolean): Promise<FileContent> {
  const { readConfiguration } = await import('./read-file.ts');
  return readConfiguration(text, file, isProject);
}

/** Not through `node:fs/promises`, which costs 3 ms to load, more than reading the few small files of every command's start. */
function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errno}`);
  }
}

function merge(user: Found | null, project: Found | null): Configuration {
  const warnings = [...(user?.content.warnings ?? [])];
  const contexts = new Map(project?.content.contexts);
  for (const [name, context] of user?.content.contexts ?? []) {
    if (contexts.has(name))
      warnings.push(`${project?.file}: context ${name} is passed over: your own configuration has one of that name`);
    contexts.set(name, context);
  }
  return {
    contexts,
    defaultContext: project?.content.defaultContext ?? user?.content.defaultContext ?? null,
    defaults: mergeDefaults(project?.content.defaults ?? NO_DEFAULTS, user?.content.defaults ?? NO_DEFAULTS),
    files: [user?.file, project?.file].filter((file) => file !== undefined),
    warnings,
  };
}

/** The project's defaults are nearer to the work at hand, so they win. */
function mergeDefaults(first: Defaults, second: Defaults): Defaults {
  return {
    output: first.output ?? second.output,
    color: first.color ?? second.color,
    timeout: first.timeout ?? second.timeout,
    connectTimeout: first.connectTimeout ?? second.connectTimeout,
  };
}
