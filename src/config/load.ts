import { statSync } from 'node:fs';
import { isMqError, MqError } from '../contract/errors.ts';
import { type Configuration, type Defaults, NO_DEFAULTS } from './configuration.ts';
import { type CurrentContext, readCurrentContext } from './current-context.ts';
import type { Known } from './known.ts';
import { type Environment, type Places, placesOf } from './places.ts';
import { errnoOf } from './private-file.ts';
import { findProjectFile } from './project-file.ts';
import type { FileContent, Reading } from './read-file.ts';
import { readSmallFileOrPipe, UnfitFile } from './small-file.ts';

/** Everything that decides which broker a command talks to, apart from its own flags. */
export interface Settings extends CurrentContext, Known {
  readonly configuration: Configuration;
  readonly places: Places;
}

/**
 * Reads the user's file and the project's. In a conflict the user's own file wins, so that a repository can neither
 * redirect a name that they know nor choose among their contexts. A missing file counts as empty, except one that
 * `MQ_CONFIG` names. Throws `CONFIG_INVALID`.
 */
export async function loadSettings(
  env: Environment,
  folder: string,
  known: Known,
  signal: AbortSignal | null = null,
): Promise<Settings> {
  const places = placesOf(env);
  const [user, project] = await Promise.all([readUserFile(places, env, known, signal), readProjectFile(folder, known)]);
  return { ...known, configuration: merge(user, project), places, ...readCurrentContext(places) };
}

/** The result without any files. */
export function emptySettings(env: Environment, known: Known): Settings {
  return {
    ...known,
    configuration: merge(null, { found: null, warnings: [] }),
    places: placesOf(env),
    current: null,
    previous: null,
  };
}

interface Found {
  readonly file: string;
  readonly content: FileContent;
}

async function readUserFile(
  places: Places,
  env: Environment,
  known: Known,
  signal: AbortSignal | null,
): Promise<Found | null> {
  const file = places.configFile;
  const text = await readText(file, signal);
  if (text === null) {
    if (!env.MQ_CONFIG) return null;
    throw new MqError('CONFIG_INVALID', `MQ_CONFIG names ${file}, which does not exist`, {
      hint: 'correct it, or create an empty file there: mq context add writes into it',
    });
  }
  const content = await parse(text, file, { known, isProject: false });
  const warnings =
    content.warnings.length > 0 && othersMayRead(file) ? [`${file} can be read by others: chmod 600 ${file}`] : [];
  return { file, content: { ...content, warnings: [...warnings, ...content.warnings] } };
}

function othersMayRead(file: string): boolean {
  return (statSync(file).mode & 0o077) !== 0;
}

interface FoundProject {
  readonly found: Found | null;
  /** The warning about a file that is ignored. */
  readonly warnings: readonly string[];
}

async function readProjectFile(folder: string, known: Known): Promise<FoundProject> {
  const project = findProjectFile(folder);
  if (project === null) return { found: null, warnings: [] };
  const { file } = project;
  if ('passedOver' in project) return { found: null, warnings: [`${file} is passed over: ${project.passedOver}`] };
  return { found: { file, content: await parse(project.text, file, { known, isProject: true }) }, warnings: [] };
}

/** YAML and the validator are loaded only if there is a file. */
async function parse(text: string, file: string, reading: Reading): Promise<FileContent> {
  const { readConfiguration } = await import('./read-file.ts');
  return readConfiguration(text, file, reading);
}

/** Null: there is no such file. */
async function readText(file: string, signal: AbortSignal | null): Promise<string | null> {
  try {
    return (await readSmallFileOrPipe(file, signal)).text;
  } catch (error) {
    if (isMqError(error)) throw error;
    if (error instanceof UnfitFile) throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${error.message}`);
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errno}`);
  }
}

function merge(user: Found | null, { found: project, warnings: passedOver }: FoundProject): Configuration {
  const warnings = [...(user?.content.warnings ?? [])];
  const contexts = new Map(project?.content.contexts);
  const notices = [...passedOver];
  for (const [name, context] of user?.content.contexts ?? []) {
    if (contexts.has(name))
      warnings.push(`${project?.file}: context ${name} is passed over: your own configuration has one of that name`);
    contexts.set(name, context);
  }
  const asked = project?.content.defaultContext ?? null;
  const isTheirs = asked !== null && contexts.get(asked)?.isFromProject !== false;
  const own = user?.content.defaultContext ?? null;
  if (asked !== null && !isTheirs && own !== asked) {
    notices.push(
      `${project?.file} asks for the context ${asked}, which is your own: only you choose it (-c ${asked}, mq context use ${asked})`,
    );
  }
  return {
    contexts,
    defaultContext: own ?? (isTheirs ? asked : null),
    defaults: mergeDefaults(project?.content.defaults ?? NO_DEFAULTS, user?.content.defaults ?? NO_DEFAULTS),
    files: [user?.file, project?.file].filter((file) => file !== undefined),
    warnings: [...notices, ...warnings],
    notices,
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
