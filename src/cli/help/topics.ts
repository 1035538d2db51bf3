/** The topics of `mq help TOPIC`, beside the verbs. */
export const TOPICS = ['filters', 'exit-codes', 'urls', 'envelope', 'safety'] as const;
export type Topic = (typeof TOPICS)[number];

/** The texts are loaded only when one is asked for. */
export async function topicText(topic: Topic): Promise<string> {
  const { TOPIC_TEXTS } = await import('./topic-texts.ts');
  const texts: Readonly<Record<Topic, string>> = TOPIC_TEXTS;
  return texts[topic];
}
