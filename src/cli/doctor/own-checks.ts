import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { historyFile } from '../../change/history.ts';
import type { Known } from '../../config/known.ts';
import { loadSettings, type Settings } from '../../config/load.ts';
import { placesOf, upwards } from '../../config/places.ts';
import { errnoOf } from '../../config/private-file.ts';
import type { Check } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { Host } from '../host/host.ts';
import { VERSION } from '../version.ts';

export function ok(name: string, detail: string): Check {
  return { name, status: 'ok', detail, hint: null };
}

export function warning(name: string, detail: string, hint: string | null = null): Check {
  return { name, status: 'warning', detail, hint };
}

export function failed(name: string, detail: string, hint: string | null = null): Check {
  return { name, status: 'failed', detail, hint };
}

/**
 * Turns an error into a check. An interruption is not a finding and is thrown on. So is an error that is not one of
 * ours: it is a bug.
 */
export function failedBy(name: string, error: unknown): Check {
  if (isMqError(error) && error.code !== 'ABORTED') return failed(name, error.message, error.hint);
  throw error;
}

export interface OwnChecks {
  readonly checks: readonly Check[];
  /** Null if the configuration cannot be read. */
  readonly settings: Settings | null;
}

/** The checks that need no broker: versions, the configuration, and the places where `mq` keeps its own files. */
export async function checkOwn(host: Host, known: Known): Promise<OwnChecks> {
  const checks: Check[] = [ok('versions', `mq ${VERSION}, Node.js ${host.platform}`)];
  let settings: Settings | null = null;
  try {
    settings = await loadSettings(host.env, host.cwd, known);
    checks.push(...configurationChecks(settings));
  } catch (error) {
    checks.push(failedBy('configuration', error));
  }
  const places = placesOf(host.env);
  checks.push(
    await folderCheck('history', dirname(historyFile(places))),
    await folderCheck('completion cache', places.cacheFolder),
    await folderCheck('embedded queues', places.dataFolder),
  );
  return { checks, settings };
}

function configurationChecks({ configuration, places }: Settings): readonly Check[] {
  const { contexts, files, warnings } = configuration;
  const read =
    files.length === 0
      ? `none (${places.configFile} does not exist)`
      : `${files.join(', ')}: ${contexts.size} ${contexts.size === 1 ? 'context' : 'contexts'}`;
  return [ok('configuration', read), ...warnings.map((text) => warning('configuration', text))];
}

/** A missing folder is created when it is needed, so the nearest folder above it must be writable. */
async function folderCheck(name: string, folder: string): Promise<Check> {
  for (const candidate of upwards(folder)) {
    try {
      await stat(candidate);
      await access(candidate, constants.W_OK);
      return ok(name, candidate === folder ? folder : `${folder} (made when needed)`);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      return warning(name, `${candidate} cannot be written: ${errnoOf(error)}`);
    }
  }
  return warning(name, `${folder} cannot be made`);
}
