/**
 * What every backend is built on: the contract, and the code that backends share. A third-party backend is given this
 * when it is created, so that it imports nothing of ours while it runs. Published as `mqops/backend`.
 */
export * from '../../contract/abilities.ts';
export * from '../../contract/ask.ts';
export * from '../../contract/backend.ts';
export * from '../../contract/broker.ts';
export * from '../../contract/call.ts';
export * from '../../contract/capabilities.ts';
export * from '../../contract/errors.ts';
export * from '../../contract/instant.ts';
export * from '../../contract/json.ts';
export * from '../../contract/message.ts';
export * from '../../contract/queue.ts';
export * from '../../contract/stats.ts';
export * from '../../contract/traits.ts';
export * from '../../contract/wrap.ts';
export * from '../common/bell.ts';
export * from '../common/clock.ts';
export * from '../common/frozen.ts';
export * from '../common/globs.ts';
export * from '../common/in-parallel.ts';
export * from '../common/parameters.ts';
export * from '../common/settle-once.ts';
export * from '../common/url.ts';
export * from '../common/waits.ts';
