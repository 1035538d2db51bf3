import { describe, expect, test } from 'vitest';
import { filled, top, url } from '../../support/top/lab.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

const ESCAPE = '\u001b';

describe('keys', () => {
  test('fast keys all count', async () => {
    await using load = await filled();
    for (const name of ['q1', 'q2', 'q3', 'q4']) await load.create(name);
    await using terminal = top();
    await terminal.until(/1-6 of 6/);
    terminal.write('sjjk');
    await terminal.until(/^>.orders/m);
    terminal.write('jjjjjjjjjj');
    await terminal.until(/^>.q4/m);
    terminal.write('g');
    await terminal.until(/^>.idle/m);
    // Ctrl-U and Ctrl-W among them too.
    terminal.write('/nothing\u0015q two\u0017\u0008\u00084\u007f');
    terminal.write('\u0015ord\r');
    await terminal.until((text) => /filter: ord {2}/.test(text) && /1-1 of 1/.test(text));
    // Enter right after Escape does not confirm what was left, here the choice in a menu.
    terminal.write('a');
    await terminal.until(/^> p {2}pause/m);
    terminal.write(`${ESCAPE}\r`);
    await terminal.until(/\[1 overview\]/);
    expect(terminal.text()).not.toMatch(/Pause orders/);
  });

  test('arrows, paging, the first and the last', async () => {
    await using load = await SqliteLoad.open(url);
    for (let index = 10; index < 50; index++) await load.create(`q${index}`);
    await using terminal = top();
    await terminal.until(/1-12 of 40/);
    const steps: readonly (readonly [string, string, RegExp])[] = [
      ['s', 'q10', /1-12 of 40/],
      [`${ESCAPE}[B`, 'q11', /1-12 of 40/],
      [`${ESCAPE}[6~`, 'q23', /3-14 of 40/],
      [`${ESCAPE}[6~`, 'q35', /15-26 of 40/],
      [`${ESCAPE}[5~`, 'q23', /14-25 of 40/],
      [`${ESCAPE}[A`, 'q22', /13-24 of 40/],
      ['j', 'q23', /13-24 of 40/],
      [`${ESCAPE}[F`, 'q49', /29-40 of 40/],
      ['k', 'q48', /29-40 of 40/],
      [`${ESCAPE}[H`, 'q10', /1-12 of 40/],
      ['G', 'q49', /29-40 of 40/],
      ['g', 'q10', /1-12 of 40/],
    ];
    for (const [key, queue, place] of steps) {
      terminal.write(key);
      await terminal.until((text) => new RegExp(`^>.${queue} `, 'm').test(text) && place.test(text));
    }
    terminal.write('ss');
    await terminal.until(/READY[▲▼]/);
    terminal.write('S');
    await terminal.until(/by context/);
    terminal.write('--');
    await terminal.until(/every 0\.5s/);
    terminal.write('+');
    await terminal.until(/every 0\.25s/);
  });

  test('Tab and arrows in the detail; Ctrl-C leaves', async () => {
    await using _load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write(`${ESCAPE}[C`);
    await terminal.until(/\[1 overview\]/);
    terminal.write('\t');
    await terminal.until((text) => /\[2 dead letters\]/.test(text) && /^> +4 /m.test(text));
    terminal.write(`${ESCAPE}[B`);
    await terminal.until(/^> +1 .*card refused/m);
    terminal.write('\t');
    await terminal.until((text) => /\[3 messages\]/.test(text) && /all 3 ready messages/.test(text));
    terminal.write('l');
    await terminal.until(/all 3 ready messages/);
    terminal.write('\t');
    await terminal.until(/\[1 overview\]/);
    terminal.write(`${ESCAPE}[D`);
    await terminal.until(/^>.orders/m);
    terminal.write('\u0003');
    expect(await terminal.exited).toEqual({ exitCode: 0, signal: 0 });
  });

  test('filter, dead letters only, only what is wrong, sort, freeze, interval, help', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/1-2 of 2/);
    terminal.write('/IDL');
    await terminal.until((text) => /filter: IDL_/.test(text) && /idle/.test(text) && !/orders/.test(text));
    terminal.write('\r');
    await terminal.until(/filter: IDL .*1-1 of 1/);
    terminal.write(ESCAPE);
    await terminal.until(/1-2 of 2/);
    terminal.write('d');
    await terminal.until(/only dead .*1-1 of 1/);
    // Nobody works on it: that is a fault only as long as its rates say that something happens there.
    await load.pause('orders');
    terminal.write('d!');
    await terminal.until(/only wrong .*1-1 of 1/);
    terminal.write('!ss');
    await terminal.until(/by context/);
    terminal.write('r');
    await terminal.until(/by context reversed/);
    terminal.write('ss');
    await terminal.until(/IN-FLT[▲▼]/);
    terminal.write('-');
    await terminal.until(/every 0\.25s/);
    terminal.write(' ');
    await terminal.until(/FROZEN/);
    await load.create('later');
    terminal.write('?');
    await terminal.until(/mq top: keys/);
    terminal.write('?');
    await terminal.until((text) => /FROZEN/.test(text) && !/later/.test(text));
    terminal.write(' ');
    await terminal.until(/later/);
  });

  test('the detail: charts, links, groups with the newest of each, messages', async () => {
    await using _load = await filled();
    await using terminal = top([], { columns: 110, rows: 40 });
    await terminal.until(/^>.orders/m);
    terminal.write('\r');
    const overview = await terminal.until(/kept in the queue itself/);
    expect(overview).toMatch(/ready 3 {3}in-flight 0 {3}delayed 0 {3}dead 5/);
    expect(overview).toMatch(/depth .*█.* now 3, most 3/);
    terminal.write('2');
    const groups = await terminal.until(/all 5 dead letters by reason/);
    expect(groups).toMatch(/^> +4 {2}newest +\S+ {2}timeout after <n> ms$/m);
    expect(groups).toMatch(/^ +1 {2}newest +\S+ {2}card refused$/m);
    terminal.write('j\r');
    await terminal.until((text) => /died of +card refused/.test(text) && /^bad$/m.test(text));
    terminal.write(ESCAPE);
    await terminal.until(/by reason/);
    terminal.write('3');
    await terminal.until(/all 3 ready messages/);
  });
});
