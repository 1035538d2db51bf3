import { Argument, Option } from 'commander';
import { CONTEXT_COLORS, CONTEXT_NAME, type Context, type ContextColor } from '../../config/configuration.ts';
import { writeCurrentContext } from '../../config/current-context.ts';
import type { Settings } from '../../config/load.ts';
import { findContext, requireOwn } from '../../config/target.ts';
import { schemeNameOf } from '../../contract/address.ts';
import { MqError } from '../../contract/errors.ts';
import { formatDuration } from '../../core/duration.ts';
import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import { safe } from '../../core/safe-text.ts';
import { knownForms, shownUrl } from '../brokers.ts';
import { type PasswordFlags, passwordFrom } from '../line/password-flags.ts';
import { printBox } from '../output/box.ts';
import { CONTEXT_COLUMNS, contextDocument } from '../output/context-view.ts';
import { isDocumentFormat, openSequence, printDocument } from '../output/documents.ts';
import { printTable } from '../output/table.ts';
import { probe } from '../session/probe.ts';
import type { Session } from '../session/session.ts';
import { defineVerb, word } from '../verb.ts';

const ACTIONS = ['ls', 'show', 'add', 'use', 'rm', 'test'] as const;
type Action = (typeof ACTIONS)[number];

interface ContextFlags extends PasswordFlags {
  readonly queue?: string;
  readonly readonly?: boolean;
  readonly protected?: boolean;
  readonly labelColor?: ContextColor;
  readonly user?: string;
  readonly replace?: boolean;
  readonly use?: boolean;
}

export interface ContextOptions {
  readonly action: Action;
  /** Null: the current one. */
  readonly name: string | null;
  /** For `add`. */
  readonly url: string | null;
  readonly flags: ContextFlags;
}

export const context = defineVerb<ContextFlags, ContextOptions>({
  effect: 'Reads and changes your own configuration only; test connects and changes nothing.',
  examples: ['mq context use prod && mq context use -', 'mq context ls -o json'],
  declare(command) {
    command
      .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
      .argument('[context]', 'its name; - is the previous one')
      .argument('[url]', 'for add: the broker; or --url')
      .optionsGroup('For add:')
      .option('--queue <queue>', 'the queue that @NAME stands for')
      .option('--readonly', 'refuse every change')
      .option('--protected', "ask for the queue's name before every change")
      .addOption(new Option('--label-color <color>', 'its colour in the live view').choices(CONTEXT_COLORS))
      .option('--user <name>', 'the name to log in with, when it is not in the URL')
      .option('--password-env <variable>', 'the password is in this variable')
      .option('--password-file <file>', 'the password is the text of this file')
      .option('--password-command <argv>', 'this program prints the password; words or a JSON array, no shell')
      .option('--replace', 'overwrite one of the same name')
      .option('--use', 'also make it the current one');
  },
  parse([action, name, written], flags, session) {
    const asked = ACTIONS.find((candidate) => candidate === word(action));
    if (asked === undefined) throw new MqError('USAGE', `context ${word(action)}: there is no such action`);
    const isNeeded = asked === 'add' || asked === 'use' || asked === 'rm';
    if (isNeeded && name === undefined) throw new MqError('USAGE', `context ${asked} needs the name of a context`);
    const option = session.globals.url;
    if (written !== undefined && option !== undefined) {
      throw new MqError('USAGE', 'the URL is given twice', { hint: 'once is enough: behind the name, or with --url' });
    }
    const url = written === undefined ? option : word(written);
    if (asked === 'add' && url === undefined) {
      throw new MqError('USAGE', 'context add needs a URL', {
        hint: `mq context add NAME URL, where the URL is one of ${knownForms()}`,
      });
    }
    if (asked !== 'add' && (Object.keys(flags).length > 0 || url !== undefined)) {
      throw new MqError('USAGE', `a URL and the settings of a context belong to add, not to ${asked}`);
    }
    return { action: asked, name: typeof name === 'string' ? name : null, url: url ?? null, flags };
  },
  run({ action, name, url, flags }, session) {
    switch (action) {
      case 'ls':
        return list(session);
      case 'show':
        return show(session, chosen(session, name));
      case 'add':
        return add(session, name ?? '', url ?? '', flags);
      case 'use':
        return use(session, name ?? '');
      case 'rm':
        return remove(session, name ?? '');
      case 'test':
        return test(session, chosen(session, name));
    }
  },
});

function currentName({ current, configuration }: Settings): string | null {
  return current ?? configuration.defaultContext;
}

function chosen(session: Session, name: string | null): Context {
  const asked = name ?? session.target().context;
  if (asked !== null) return findContext(session.settings, asked);
  throw new MqError('CONTEXT_NOT_FOUND', 'no context is in use', { hint: "name one; see 'mq context ls'" });
}

async function list(session: Session): Promise<ExitCode> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const current = currentName(session.settings);
  const contexts = [...session.settings.configuration.contexts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    for (const context of contexts) await sequence.item(contextDocument(context, context.name === current));
    await sequence.end();
  } else if (contexts.length > 0) {
    const rows = contexts.map((context) => ({ ...context, isCurrent: context.name === current }));
    await printTable(session, rows, CONTEXT_COLUMNS);
  } else {
    session.messages.note(
      `no contexts in ${session.settings.places.configFile}; make one: mq context add NAME --url URL`,
    );
  }
  for (const warning of session.settings.configuration.warnings) session.messages.note(warning);
  return EXIT.done;
}

async function show(session: Session, context: Context): Promise<ExitCode> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const document = contextDocument(context, context.name === currentName(session.settings));
  if (isDocumentFormat(format)) await printDocument(session, format, document);
  else {
    const rows = Object.entries(document).map(([key, value]) => [
      key,
      value === null ? '-' : safe(typeof value === 'string' ? value : JSON.stringify(value)),
    ]);
    await printBox(session, null, rows);
  }
  return EXIT.done;
}

async function add(session: Session, name: string, url: string, flags: ContextFlags): Promise<ExitCode> {
  const { settings, messages } = session;
  if (!CONTEXT_NAME.test(name) || name in {}) {
    throw new MqError('USAGE', `not a name for a context: ${name}`, {
      hint: 'letters, digits, ".", "_" and "-", the first a letter or a digit',
    });
  }
  session.secrets.learnUrl(url);
  if (schemeNameOf(url) === null) {
    throw new MqError('USAGE', 'that is not a URL: it has no scheme', {
      hint: knownForms(),
    });
  }
  const password = passwordFrom(flags);
  const file = settings.places.configFile;
  const { addContext } = await import('../../config/edit.ts');
  await addContext(
    file,
    name,
    {
      url,
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(password === null ? {} : { password }),
      ...(flags.queue === undefined ? {} : { queue: flags.queue }),
      ...(flags.readonly === true ? { readonly: true } : {}),
      ...(flags.protected === true ? { protected: true } : {}),
      ...(flags.labelColor === undefined ? {} : { color: flags.labelColor }),
    },
    { known: settings, replace: flags.replace ?? false },
  );
  messages.summary(`added the context ${name} to ${file}`);
  if (shownUrl(url) !== url && !/\$\{[^}]+\}@/.test(url)) {
    messages.note(
      'the password is in that file, which only you can read; --password-env, --password-file and --password-command keep it elsewhere',
    );
  }
  if (flags.use === true) await remember(session, name);
  return EXIT.done;
}

async function use(session: Session, asked: string): Promise<ExitCode> {
  const found = findContext(session.settings, asked);
  requireOwn(found);
  await remember(session, found.name);
  return EXIT.done;
}

async function remember(session: Session, name: string): Promise<void> {
  const { settings, messages, host } = session;
  const before = currentName(settings);
  const previous = before === name ? settings.previous : before;
  await writeCurrentContext(settings.places, { current: name, previous });
  messages.summary(`using ${name}`);
  for (const variable of ['MQ_URL', 'MQ_CONTEXT']) {
    if (host.env[variable]) messages.note(`${variable} is set and goes before it`);
  }
}

async function remove(session: Session, asked: string): Promise<ExitCode> {
  const { settings, messages } = session;
  const { name, file, isFromProject } = findContext(settings, asked);
  if (isFromProject)
    throw new MqError('USAGE', `${name} is in the file of the project: ${file}`, { hint: 'remove it there' });
  const { removeContext } = await import('../../config/edit.ts');
  await removeContext(file, name, session.settings);
  if (settings.current === name || settings.previous === name) {
    const current = settings.current === name ? null : settings.current;
    await writeCurrentContext(settings.places, {
      current,
      previous: settings.previous === name ? null : settings.previous,
    });
  }
  messages.summary(`removed the context ${name} from ${file}`);
  return EXIT.done;
}

async function test(session: Session, { name }: Context): Promise<ExitCode> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const startedAt = session.host.now();
  return session.withBroker(
    async (broker) => {
      await probe(session, broker, 'context test');
      const durationMs = session.host.now() - startedAt;
      if (isDocumentFormat(format)) {
        await printDocument(session, format, {
          context: name,
          broker: broker.name,
          address: broker.address,
          connectMs: durationMs,
        });
      } else {
        session.messages.summary(
          `${name}: connected to ${broker.name} at ${broker.address} in ${formatDuration(durationMs)}`,
        );
      }
      return EXIT.done;
    },
    session.target(`@${name}`),
  );
}
