import type { Context, SecretText } from '../../config/configuration.ts';
import { safe } from '../../core/safe-text.ts';
import { shownUrl } from '../brokers.ts';
import type { Column } from './columns.ts';

/** The parts of a context that may be shown: never a password, and for a secret that is kept elsewhere only where. */
export function contextDocument(context: Context, isCurrent: boolean): object {
  return {
    context: context.name,
    current: isCurrent,
    url: shownText(context.url),
    user: context.user === null ? null : shownText(context.user),
    password: context.password === null ? null : shownSecret(context.password),
    queue: context.queue,
    readonly: context.isReadonly,
    protected: context.isProtected,
    rules: Object.fromEntries(context.rules.map(({ pattern, verbs }) => [pattern, verbs])),
    redact: context.redact,
    color: context.color,
    file: context.file,
  };
}

function shownText(text: SecretText): string {
  return text.from === 'text' ? shownUrl(text.text) : shownSecret(text);
}

function shownSecret(secret: SecretText): string {
  switch (secret.from) {
    case 'text':
      return '***';
    case 'env':
      return `{env: ${secret.name}}`;
    case 'file':
      return `{file: ${secret.path}}`;
    case 'command':
      // Arguments may contain something secret.
      return `{command: [${secret.argv[0]}${secret.argv.length > 1 ? ', …' : ''}]}`;
  }
}

export const CONTEXT_COLUMNS: readonly Column<Context & { readonly isCurrent: boolean }>[] = [
  { heading: 'CURRENT', align: 'left', cell: ({ isCurrent }) => (isCurrent ? '*' : '') },
  { heading: 'CONTEXT', align: 'left', cell: ({ name }) => safe(name) },
  { heading: 'URL', align: 'left', cell: ({ url }) => safe(shownText(url)) },
  { heading: 'QUEUE', align: 'left', cell: ({ queue }) => safe(queue ?? '-') },
  {
    heading: 'GUARD',
    align: 'left',
    cell: ({ isReadonly, isProtected, rules }) =>
      [isReadonly ? 'readonly' : '', isProtected ? 'protected' : '', rules.length > 0 ? 'rules' : '']
        .filter((part) => part !== '')
        .join(',') || '-',
  },
  { heading: 'FROM', align: 'left', cell: ({ isFromProject }) => (isFromProject ? 'project' : 'you') },
];
