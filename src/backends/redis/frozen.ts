import type { Capabilities } from '../../contract/capabilities.ts';

/** Frozen to the bottom: a record that many hold must not change under them. */
export function frozen(record: Capabilities): Capabilities {
  freeze(record);
  return record;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
