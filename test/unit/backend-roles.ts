import type { Ability } from '../../src/contract/abilities.ts';
import type { Backend } from '../../src/contract/backend.ts';
import type { Capabilities } from '../../src/contract/capabilities.ts';

/** What every backend has a file for: `queue` is `queue.ts`. */
const ROLES = [
  ...['manifest', 'index', 'capabilities', 'url', 'errors', 'checks', 'broker', 'list'],
  ...['queue', 'stats', 'describe', 'message-in'],
] as const;

/** The role that an ability asks for, in the order of the record. */
const ROLE_OF: Partial<Record<Ability, string>> = {
  ...{ enqueue: 'publisher', drain: 'consumer', peek: 'peek', purge: 'purge', deadLetters: 'dead-letters' },
  ...{ create: 'create', delete: 'delete' },
};
/** Where the broker does one of these by itself, `move` says when. */
const MOVES = ['redrive', 'move', 'copy'] as const satisfies readonly Ability[];

/** The roles that the record of a kind asks for. */
export function rolesOf({ abilities }: Capabilities): readonly string[] {
  const asked = Object.entries(ROLE_OF).filter(([ability]) => abilities[ability as Ability].supported);
  const moves = MOVES.some((ability) => {
    const declared = abilities[ability];
    return declared.supported && declared.degree === 'native';
  });
  return [...ROLES, ...asked.map(([, role]) => role), ...(moves ? ['move'] : [])];
}

/**
 * The files that are missing: `sqs/peek.ts`. `paths` are those below `src/backends`. A role stands in the backend's own
 * folder, or in that of a kind where kinds differ in it. What is mapped both ways in one place is `message`.
 */
export function missingRoles({ name, kinds }: Backend, paths: readonly string[]): readonly string[] {
  const folders = [name, ...kinds.map(({ kind }) => `${name}/${kind}`)];
  const has = (file: string): boolean => folders.some((folder) => paths.includes(`${folder}/${file}`));
  const roles = new Set(kinds.flatMap(rolesOf));
  const missing = [...roles].filter((role) => !has(`${role}.ts`) && !(role === 'message-in' && has('message.ts')));
  return [...missing.map((role) => `${name}/${role}.ts`), ...(has('README.md') ? [] : [`${name}/README.md`])];
}
