import { expect, it } from 'vitest';
import { TOPICS } from '../../../src/cli/help/topics.ts';
import { VERBS } from '../../../src/cli/verbs.ts';
import { runMq } from '../../support/mq.ts';

/**
 * Of the built program, as a process of its own: from its start to its end it has an exit code that says that it did
 * not finish, and that was once taken for a failure of the help.
 */
it('mq help is the help of mq, mq help VERB that of the verb, mq help TOPIC its text; each ends with 0', async () => {
  const whole = await runMq(['help']);
  expect(whole).toEqual(await runMq(['--help']));
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  expect(whole.stdout).toContain('$ mq help redrive');
  for (const name of ['redrive', 'context', 'drain']) {
    expect(VERBS.map((verb) => verb.name)).toContain(name);
    const help = await runMq(['help', name]);
    expect(help).toEqual(await runMq([name, '--help']));
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(`^mq ${name}: `) });
  }
  for (const topic of TOPICS) expect(await runMq(['help', topic])).toMatchObject({ code: 0, stderr: '' });
});

it.each([
  [['help', 'filtres'], 'did you mean filters?'],
  [['help', '-v', 'redrvie'], 'did you mean redrive?'],
])('mq %j: what was meant is named, and the code is 2', async (args, hint) => {
  const { code, stdout, stderr } = await runMq(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(`mq: error: there is no such verb or topic\n    hint: ${hint}\n`);
});
