import { Argument } from 'commander';
import { nameBackends } from '../../config/edit.ts';
import { MqError } from '../../contract/errors.ts';
import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import { manifestOfPackage } from '../brokers.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { printTable } from '../output/table.ts';
import { confirmHere } from '../session/asking.ts';
import type { Session } from '../session/session.ts';
import { readInstalled, writeInstalled } from '../third-party/installed.ts';
import { namesIn } from '../third-party/named.ts';
import { install, uninstall, wanted } from '../third-party/npm.ts';
import { folderOf } from '../third-party/places.ts';
import { defineVerb, word } from '../verb.ts';

const ACTIONS = ['ls', 'add', 'rm'] as const;
type Action = (typeof ACTIONS)[number];

export interface BackendOptions {
  readonly action: Action;
  readonly name: string;
}

export const backend = defineVerb<object, BackendOptions>({
  effect:
    'Reads and changes your own configuration and data only. A backend is code: it can do everything that you can.',
  examples: ['mq backend add mq-backend-nats@1.2.0', 'mq backend ls -o json'],
  declare(command) {
    command
      .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
      .argument('[package]', 'NAME, NAME@1.2.3, or the path of an archive');
  },
  parse([action, name]) {
    const asked = ACTIONS.find((candidate) => candidate === word(action));
    if (asked === undefined) throw new MqError('USAGE', `backend ${word(action)}: there is no such action`);
    if (asked !== 'ls' && name === undefined)
      throw new MqError('USAGE', `backend ${asked} needs the name of a package`);
    if (asked === 'ls' && name !== undefined) throw new MqError('USAGE', 'backend ls takes no name');
    return { action: asked, name: word(name) };
  },
  async run({ action, name }, session) {
    if (action === 'ls') return await list(session);
    return action === 'add' ? await add(session, name) : await remove(session, name);
  },
});

async function list(session: Session): Promise<ExitCode> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const { places } = session.settings;
  const installed = readInstalled(places);
  const named = await namesIn(places);
  const rows = [...new Set([...named, ...Object.keys(installed)])].toSorted().map((name) => {
    const { version = null, manifest } = (Object.hasOwn(installed, name) ? installed[name] : undefined) ?? {};
    const schemes = manifest?.schemes.map((scheme) => `${scheme.name}:`) ?? [];
    return { package: name, version, schemes, kinds: manifest?.kinds ?? [], isNamed: named.includes(name) };
  });
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    for (const row of rows) await sequence.item(row);
    await sequence.end();
  } else if (rows.length === 0)
    session.messages.note('no backends beside those that mq has: mq backend add NAME@VERSION');
  else
    await printTable(session, rows, [
      { heading: 'PACKAGE', align: 'left', cell: (row) => row.package },
      { heading: 'VERSION', align: 'left', cell: (row) => row.version ?? 'not installed' },
      { heading: 'ADDRESSES', align: 'left', cell: (row) => row.schemes.join(' ') },
      { heading: 'KINDS', align: 'left', cell: (row) => row.kinds.join(' ') },
      { heading: 'USED', align: 'left', cell: (row) => (row.isNamed ? 'yes' : 'no') },
    ]);
  return EXIT.done;
}

async function add(session: Session, text: string): Promise<ExitCode> {
  const { places } = session.settings;
  const asked = wanted(text, session.host.cwd);
  if (session.globals.yes === true && !asked.isExact)
    throw new MqError('USAGE', `--yes needs the exact version: ${text}@1.2.3`, {
      hint: 'without it, no one knows which code will be installed',
    });
  await confirmHere(session, [
    `Install ${asked.spec} and use it as a backend?`,
    '  It is code of somebody else. From its first use on it can do everything that you can.',
    `  It is put into ${folderOf(places)}, its scripts are not run, and your configuration names it.`,
  ]);
  const npm = { folder: folderOf(places), env: session.host.env, signal: session.signal };
  const { name, version } = await install(npm, asked);
  try {
    const manifest = await manifestOfPackage(npm.folder, name);
    await writeInstalled(places, { ...readInstalled(places), [name]: { version, manifest } });
  } catch (error) {
    await uninstall(npm, name);
    throw error;
  }
  await nameBackends(places.configFile, session.settings, (names) => [...new Set([...names, name])]);
  session.messages.summary(`added ${name} ${version}`);
  return EXIT.done;
}

async function remove(session: Session, name: string): Promise<ExitCode> {
  const { places } = session.settings;
  const { [name]: removed, ...rest } = readInstalled(places);
  const isNamed = (await namesIn(places)).includes(name);
  if (removed === undefined && !isNamed)
    throw new MqError('USAGE', `no backend ${name} is installed`, { hint: "see 'mq backend ls'" });
  if (isNamed) await nameBackends(places.configFile, session.settings, (names) => names.filter((one) => one !== name));
  if (removed !== undefined) {
    await writeInstalled(places, rest);
    await uninstall({ folder: folderOf(places), env: session.host.env, signal: session.signal }, name);
  }
  session.messages.summary(`removed ${name}`);
  return EXIT.done;
}
