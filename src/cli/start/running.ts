/** What `main` needs for every command but `--version`, behind one import: each costs a millisecond. */
export { Secrets } from '../../config/redact.ts';
export { EXIT } from '../../core/exit-codes.ts';
export { allBackends, backendFor, MANIFESTS } from '../brokers.ts';
export { jobControlOf } from '../host/job-control.ts';
export { lazyInput, lazyOutput } from '../host/lazy-streams.ts';
export { isTerminal } from '../host/light-builtins.ts';
export { nodeInput, nodeOutput, plainOutput } from '../host/node-streams.ts';
export { verbNamed } from '../verbs.ts';
export { reportBug, runCommandLine } from './run.ts';
