import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERBS } from '../../src/cli/verbs.ts';
import type { CommandLine } from './command-line.ts';

/** They ask no broker; `demo` makes one of its own. */
const WITHOUT_BROKER: ReadonlySet<string> = new Set(['backend', 'backends', 'completion', 'demo', 'history']);

/** The verbs that ask a broker and are in none of these command lines. */
export function verbsMissing(lines: Iterable<readonly string[]>): readonly string[] {
  const tried = new Set([...lines].map(([verb]) => verb));
  return VERBS.map(({ name }) => name).filter((name) => !WITHOUT_BROKER.has(name) && !tried.has(name));
}

/** The environment in which the context `c` is the broker at `url`, for a verb that takes it from nowhere else. */
export async function contextAt({ folder }: CommandLine, url: string): Promise<Readonly<Record<string, string>>> {
  const own = await mkdtemp(join(folder, 'configuration-'));
  await mkdir(join(own, 'mq'));
  await writeFile(join(own, 'mq', 'config.yaml'), JSON.stringify({ contexts: { c: { url } } }));
  return { XDG_CONFIG_HOME: own };
}
