/**
 * Everything that `main` needs for every command but `--version`, behind one import: each import costs a millisecond.
 */
export { Secrets } from '../../config/redact.ts';
export { safe } from '../../core/safe-text.ts';
export { allBackends, backendFor, MANIFESTS } from '../brokers.ts';
export { processHost } from '../host/process-host.ts';
export { Stopping } from '../host/stopping.ts';
export { registerNamed } from '../third-party/named.ts';
export { verbNamed } from '../verbs.ts';
export { reportBug, runCommandLine } from './run.ts';
