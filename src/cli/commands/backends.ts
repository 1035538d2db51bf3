import { ABILITIES, ABILITY_NAMES, cellOf } from '../../contract/abilities.ts';
import type { Capabilities } from '../../contract/capabilities.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { printBox } from '../output/box.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { defineVerb } from '../verb.ts';

export const backends = defineVerb<object, Record<never, never>>({
  effect: 'Only reads; needs no broker.',
  examples: ['mq backends', "mq backends -o json | jq '.[] | select(.abilities.pause.supported) | .kind'"],
  declare() {},
  parse() {
    return {};
  },
  async run(_options, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const kinds = await session.host.listKinds();
    if (isDocumentFormat(format)) {
      const sequence = await openSequence(session, format);
      for (const kind of kinds) await sequence.item(kind);
      await sequence.end();
    } else {
      await printBox(session, ['', ...kinds.map((kind) => kind.kind)], capabilityRows(kinds));
    }
    return EXIT.done;
  },
});

/**
 * The capability table: one row for each ability, one column for each kind. The table of the README is made from the
 * same rows.
 */
export function capabilityRows(kinds: readonly Capabilities[]): readonly (readonly string[])[] {
  return [
    ...ABILITY_NAMES.map((ability) => [
      ABILITIES[ability].heading,
      ...kinds.map(({ abilities }) => cellOf(abilities, ability)),
    ]),
    ['rates', ...kinds.map((kind) => kind.rates)],
    ['order', ...kinds.map((kind) => kind.order)],
  ];
}
