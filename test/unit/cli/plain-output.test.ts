import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WriteStream } from 'node:tty';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plainOutput } from '../../../src/cli/host/node-streams.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mq-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = (): WriteStream => {
  throw new Error('no stream is needed');
};

/** A pipe whose both ends are this descriptor, and which never waits. */
function pipe(): number {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

function fill(descriptor: number): number {
  const block = Buffer.alloc(1024, '.');
  for (let written = 0; ; ) {
    try {
      written += writeSync(descriptor, block);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EAGAIN' });
      return written;
    }
  }
}

describe('output that is no terminal', () => {
  it('writes a few lines without opening a stream', async () => {
    const path = join(folder, 'file');
    const descriptor = openSync(path, 'w');
    const output = plainOutput(descriptor, { isColorForced: false, open: never, onLost: never });
    expect(output).toMatchObject({ isTerminal: false, hasColor: false, columns: 80 });
    await output.write('one\n');
    await output.writeThrough(Buffer.from('zwei ü\n'));
    closeSync(descriptor);
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei ü\n');
  });

  it('hands what does not fit a pipe to a stream, in order, and does not wait for a slow reader', async () => {
    const descriptor = pipe();
    const filled = fill(descriptor);
    let opened = 0;
    const stream = new Socket({ fd: descriptor, readable: false, writable: true });
    const output = plainOutput(descriptor, {
      isColorForced: false,
      open: () => {
        opened += 1;
        return stream as unknown as WriteStream;
      },
      onLost: never,
    });
    const expected = Array.from({ length: 2000 }, (_, number) => `line ${number}\n`);
    const writing = (async () => {
      for (const line of expected) await output.write(line);
      await output.writeThrough('end\n');
    })();
    let text = '';
    const block = Buffer.alloc(4096);
    while (!text.endsWith('end\n')) {
      await new Promise(setImmediate);
      try {
        text += block.toString('latin1', 0, readSync(descriptor, block));
      } catch (error) {
        expect(error).toMatchObject({ code: 'EAGAIN' });
      }
    }
    await writing;
    expect(text.slice(filled)).toBe(`${expected.join('')}end\n`);
    expect(opened).toBe(1);
    stream.destroy();
  });

  it('says what was lost once, and then takes nothing more', async () => {
    const descriptor = openSync('/dev/full', 'w');
    const lost: string[] = [];
    const output = plainOutput(descriptor, { isColorForced: false, open: never, onLost: (code) => lost.push(code) });
    await output.write('one\n');
    await output.write('two\n');
    expect(lost).toEqual(['ENOSPC']);
    await expect(output.writeThrough('three\n')).rejects.toMatchObject({ code: 'ABORTED' });
    closeSync(descriptor);
  });
});
