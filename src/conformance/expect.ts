import { chai, type ExpectStatic, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

/** The assertions of vitest without its runner, so that the suite runs under any. */
export const expect = chai.expect as unknown as ExpectStatic;
