import { describe, expect, test } from 'vitest';
import { filled, top } from '../../support/top/lab.ts';

const ESCAPE = '\u001b';
const CLIPBOARD = new RegExp(`${ESCAPE}\\]52;c;([A-Za-z0-9+/=]+)\\x07`);

describe('actions', () => {
  test('pause and resume', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('p');
    await terminal.until(/Pause orders on sqlite/);
    terminal.write('y');
    await terminal.until(/paused orders/);
    expect(await load.figures('orders')).toMatchObject({ state: 'paused' });
    terminal.write('x');
    await terminal.until(/orders +paused/);
    terminal.write('a');
    await terminal.until(/Enter does it/);
    terminal.write('j\r');
    await terminal.until(/Resume orders/);
    terminal.write('y');
    await terminal.until(/resumed orders/);
    expect(await load.figures('orders')).toMatchObject({ state: 'running' });
  });

  test('by their keys: pause, resume, redrive of all, purge of what is ready; c in the menu', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    const steps: readonly (readonly [string, RegExp, string, RegExp, object])[] = [
      ['p', /Pause orders/, 'y', /paused orders/, { state: 'paused' }],
      ['u', /Resume orders/, 'y', /resumed orders/, { state: 'running' }],
      ['R\r', /Redrive 5 messages .*Go on\?/s, 'y', /redrove 5 messages/, { ready: 8, dead: 0 }],
      ['P', /Type the queue's name/, 'orders\r', /purged 8 messages in orders/, { ready: 0, dead: 0 }],
    ];
    for (const [key, question, answer, report, figures] of steps) {
      terminal.write(key);
      await terminal.until(question);
      terminal.write(answer);
      await terminal.until(report);
      expect(await load.figures('orders')).toMatchObject(figures);
      terminal.write('x');
      // What was done is still said at the foot.
      await terminal.until((text) => !/any key: back/.test(text) && report.test(text.split('\n').at(-1) ?? ''));
    }
    // Nothing is wrong with it any more, so that the first row is another; the cursor stays on its queue.
    await terminal.until(/^ .idle.*\n>.orders/m);
    terminal.write('a');
    await terminal.until(/Enter does it/);
    terminal.write('c');
    await terminal.until(() => CLIPBOARD.test(terminal.output));
    expect(Buffer.from(CLIPBOARD.exec(terminal.output)?.[1] ?? '', 'base64').toString()).toBe('mq pause orders');
  });

  test('redrive up to N, with the command line that would do it', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('R');
    await terminal.until(/At most/);
    terminal.write('2\r');
    const question = await terminal.until(/Go on\?/);
    expect(question).toMatch(/Redrive up to 2 of 5 messages from orders to orders on sqlite/);
    expect(question).toMatch(/Same as: mq redrive --max 2 orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('c');
    await terminal.until(() => terminal.output.includes('\u001b]52;c;'));
    const copied = CLIPBOARD.exec(terminal.output)?.[1] ?? '';
    expect(Buffer.from(copied, 'base64').toString()).toBe('mq redrive --max 2 orders');
    terminal.write('y');
    await terminal.until(/redrove 2 messages from orders to orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 5, dead: 3 });
  });

  test('redrive of one reason, and nothing on Escape or n', async () => {
    await using load = await filled();
    await using terminal = top([], { columns: 110, rows: 24 });
    await terminal.until(/^>.orders/m);
    terminal.write('\r2');
    await terminal.until(/all 5 dead letters/);
    for (const no of ['n', ESCAPE]) {
      terminal.write('R\r');
      await terminal.until(/Go on\?/);
      terminal.write(no);
      await terminal.until((text) => !/Go on\?/.test(text));
    }
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('jR');
    await terminal.until(/that died of: card refused/);
    terminal.write('\r');
    await terminal.until(/only those that died of: card refused/);
    terminal.write('y');
    await terminal.until(/redrove 1 message from orders to orders \(4 left\)/);
    expect(await load.figures('orders')).toMatchObject({ ready: 4, dead: 4 });
    terminal.write('x');
    // What was looked at is looked at again.
    await terminal.until((text) => /all 4 dead letters/.test(text) && !/card refused/.test(text));
  });

  test('purge asks for the name', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('P');
    await terminal.until(/Type the queue's name/);
    terminal.write('y\r');
    await terminal.until(/nothing was changed/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('D');
    await terminal.until(/Type the queue's name/);
    terminal.write('orders\r');
    await terminal.until(/purged 5 messages in orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 0 });
  });

  test('move, and a target that is not there', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('m');
    await terminal.until(/To: _/);
    terminal.write('nowhere\r');
    await terminal.until(/error: /);
    terminal.write('xm');
    await terminal.until(/To: _/);
    terminal.write('idle\r');
    await terminal.until(/Move 3 messages from orders to idle/);
    terminal.write('y');
    await terminal.until(/moved 3 messages from orders to idle/);
    expect(await load.figures('idle')).toMatchObject({ ready: 3 });
    expect(await load.figures('orders')).toMatchObject({ ready: 0 });
  });
});
