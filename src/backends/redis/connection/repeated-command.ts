import type { Command, Redis } from 'ioredis';
import { isRefusal } from '../errors.ts';
import type { Answer } from './answer.ts';

export interface SentManyTimes<T> {
  readonly client: Redis;
  readonly command: Command;
  readonly bytes: Buffer;
  readonly times: number;
  /**
   * The part of an answer that is kept. An answer with bytes would keep the whole chunk of the socket, and a million
   * answers are garbage to be moved.
   */
  readonly read: (answer: Answer) => T;
}

/**
 * One command object for many calls. The library asks it for its bytes, and gives it a reply once for each time that it
 * was sent, in order. The promise and the five objects of a separate command take longer to make than the server's
 * work.
 */
export function sendManyTimes<T>({ client, command, bytes, times, read }: SentManyTimes<T>): Promise<readonly T[]> {
  return new Promise((resolve) => {
    const answers: T[] = [];
    const add = (answer: Answer): void => {
      if (answers.push(read(answer)) === times) resolve(answers);
    };
    command.resolve = (reply: unknown) => add({ ok: true, reply });
    command.reject = (error: unknown) => add({ ok: false, refused: isRefusal(error), error });
    let isWritten = false;
    const once = {
      isPipeline: true as const,
      destination: { redis: client },
      write(data: string | Buffer) {
        if (!isWritten) client.stream.write(data);
        isWritten = true;
      },
    };
    command.toWritable = () => bytes;
    client.sendCommand(command, once);
    const sent = awaitingReplies(client);
    const place = sent?.peekBack();
    // It is absent: without a connection, the call waits to be sent, and so must the others.
    const isSent = place?.command === command;
    for (let i = 1; i < times; i++) {
      if (isSent) sent?.push(place);
      else client.sendCommand(command, once);
    }
  });
}

interface Awaiting {
  peekBack(): { readonly command: unknown } | undefined;
  push(place: { readonly command: unknown }): void;
}

/**
 * The library's own list of the calls that replies will be for, in order. It is not part of the public interface, but
 * going through the public one takes a tenth of the time that a message takes (measured: `npm run bench -- redis
 * enqueue`). Null if the list is not as expected: then the public one is used.
 */
function awaitingReplies(client: Redis): Awaiting | null {
  const list: unknown = Reflect.get(client, 'commandQueue');
  return isAwaiting(list) ? list : null;
}

function isAwaiting(list: unknown): list is Awaiting {
  return typeof list === 'object' && list !== null && 'peekBack' in list && 'push' in list;
}
