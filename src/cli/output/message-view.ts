import type { Message } from '../../contract/message.ts';
import { formatDuration } from '../../core/duration.ts';
import { utf8Text } from '../../core/envelope.ts';
import { safe, safeLines } from '../../core/safe-text.ts';
import { formatSize } from '../../core/size.ts';
import type { Column } from './columns.ts';

/** A message for people: one line of facts, a line for each header, the body. `strong` marks the first line. */
export function messageText(message: Message, now: number, strong: (text: string) => string): string {
  const headers = Object.entries(message.headers).map(([key, value]) => `  ${safe(key)}: ${safe(headerText(value))}`);
  const notes = Object.entries(message.notes ?? {}).map(([field, note]) => `  (${safe(field)}: ${safe(note)})`);
  return [strong(facts(message, now)), ...deathLines(message), ...notes, ...headers, bodyText(message.body)].join('\n');
}

function facts(message: Message, now: number): string {
  const parts = [
    message.id === null ? '(no id)' : safe(message.id),
    message.state,
    message.enqueuedAt === null ? null : `${formatDuration(Math.max(0, now - message.enqueuedAt))} old`,
    message.deliverAt === null ? null : `in ${formatDuration(Math.max(0, message.deliverAt - now))}`,
    message.receiveCount === null ? null : `received ${message.receiveCount}×`,
    message.priority === null ? null : `priority ${message.priority}`,
    message.name === null ? null : `name ${safe(message.name)}`,
    message.groupId === null ? null : `group ${safe(message.groupId)}`,
    message.contentType === null ? null : safe(message.contentType),
    formatSize(message.body.byteLength),
  ];
  return parts.filter((part) => part !== null).join('  ');
}

function deathLines(message: Message): readonly string[] {
  const { dead } = message;
  if (dead === null) return [];
  const from = dead.from === null ? '' : ` in ${safe(dead.from)}`;
  const error = dead.error === null ? '' : `: ${safe(dead.error)}`;
  const replays = dead.replays === 0 ? '' : ` (redriven ${dead.replays}× before)`;
  return [`  died${from}: ${safe(dead.reason ?? 'reason unknown')}${error}${replays}`];
}

function headerText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function bodyText(body: Uint8Array): string {
  const text = utf8Text(body);
  return text === null ? `(binary, base64) ${Buffer.from(body).toString('base64')}` : safeLines(text);
}

/** Columns for `-o table`: one line for each message. */
export function messageColumns(now: number): readonly Column<Message>[] {
  return [
    { heading: 'ID', align: 'left', cell: (message) => (message.id === null ? '-' : safe(message.id)) },
    { heading: 'STATE', align: 'left', cell: (message) => message.state },
    {
      heading: 'AGE',
      align: 'right',
      cell: (message) => (message.enqueuedAt === null ? '?' : formatDuration(Math.max(0, now - message.enqueuedAt))),
    },
    { heading: 'RECEIVED', align: 'right', cell: (message) => message.receiveCount?.toString() ?? '?' },
    { heading: 'SIZE', align: 'right', cell: (message) => formatSize(message.body.byteLength) },
    { heading: 'REASON', align: 'left', cell: (message) => safe(message.dead?.reason ?? '-') },
    {
      heading: 'BODY',
      align: 'left',
      cell: (message) => safe(utf8Text(message.body) ?? `(binary) ${Buffer.from(message.body).toString('base64')}`),
    },
  ];
}
