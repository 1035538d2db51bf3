/** The things that can have an optional member that no ability explains. */
export type TraitHolder =
  | 'broker'
  | 'queue'
  | 'publisher'
  | 'consumer'
  | 'peek'
  | 'receipt'
  | 'delivery'
  | 'deadLetters'
  | 'nativeMove';

/**
 * What a caller may rely on beside the abilities. Each trait is an optional member of the same name; `of` says on what.
 * `Capabilities.traits` lists the traits of a kind. A member that is not listed is never there. A listed one is always
 * there on a broker, queue, publisher and receipt, and on the others where it applies.
 */
export const TRAITS = {
  checks: { of: ['broker'], meaning: 'mq doctor can find out about the broker and the rights there' },
  bill: { of: ['broker'], meaning: 'requests are billed, and counted' },
  mark: { of: ['broker'], meaning: 'tells for little that no figure has changed since a reading' },
  names: { of: ['broker'], meaning: 'the names of all queues cost much less than their figures' },
  queueToMake: { of: ['broker'], meaning: 'a queue is made together with its first message' },
  latestBrokerTime: { of: ['queue'], meaning: "tells the broker's time without asking, where figures may be denied" },
  mayPurge: { of: ['queue'], meaning: 'tells beforehand whether a purge is refused just now' },
  mayTake: { of: ['queue'], meaning: 'tells beforehand whether taking messages is refused just now' },
  nativeMove: { of: ['queue'], meaning: 'the broker, or one script, can move messages by itself' },
  priceOfLook: { of: ['queue'], meaning: 'looking disturbs, and its price is told beforehand' },
  survey: { of: ['queue'], meaning: 'some of what is counted may stay, and a dry run finds out how many' },
  keepsNative: { of: ['publisher'], meaning: "other brokers' records are stored with the message" },
  sendAll: { of: ['publisher'], meaning: 'takes many messages in one call' },
  sendBodies: { of: ['publisher'], meaning: 'takes bare bodies in one piece of memory' },
  window: { of: ['publisher'], meaning: 'says how many messages in the air it can make use of' },
  unseen: { of: ['consumer', 'peek'], meaning: 'messages may wait behind others that are held, or be passed over' },
  pages: { of: ['consumer'], meaning: 'many messages can be taken and removed together' },
  hold: { of: ['receipt'], meaning: 'waits for what is in hand before it calls the queue empty' },
  stays: { of: ['delivery'], meaning: 'some messages can be looked at and not be taken out' },
  leadsTo: { of: ['deadLetters'], meaning: 'a dead letter may name an exchange instead of a queue' },
  mayNotRestore: { of: ['deadLetters'], meaning: 'some dead letters cannot be restored' },
  messagesAreSilent: { of: ['deadLetters'], meaning: 'dead letters do not say which queue lost them' },
  movesEachHome: { of: ['deadLetters'], meaning: 'the broker itself remembers which queue lost each dead letter' },
  ofHolder: { of: ['deadLetters'], meaning: 'the links of the dead-letter queue come with those of its source' },
  readSources: { of: ['deadLetters'], meaning: 'who sends dead letters to a queue is read only when it matters' },
  unwraps: { of: ['deadLetters'], meaning: 'a dead letter may wrap the message that failed' },
  stop: { of: ['nativeMove'], meaning: 'the broker goes on moving by itself, at a pace that it is told' },
} as const satisfies Readonly<Record<string, { readonly of: readonly TraitHolder[]; readonly meaning: string }>>;

export type Trait = keyof typeof TRAITS;
