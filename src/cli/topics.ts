import { exitCodesHelp } from './exit-codes.ts';

const FILTERS = `A filter is a CEL expression that is true for the messages that are wanted:

  $ mq peek orders --dead --filter 'dead.reason == "rejected" && body.order.total > 100'
  $ mq redrive orders --filter 'dead.error.matches("(?i)timeout") && age < duration("2h")'

Names:
  id, queue, state, name, groupId   text
  body                              the parsed JSON body; when it is not JSON, its text
  raw                               the body as text
  headers                           map, headers["x-tenant"] or headers.tenant
  receiveCount, priority, size      whole numbers; size is in bytes
  age                               duration since it was enqueued: age > duration("1h")
  dead                              dead.reason, dead.error, dead.from, dead.at, dead.count, dead.replays

Useful:
  ==  !=  <  <=  >  >=  &&  ||  !  in  has(body.user)  size(body.items)
  raw.contains("x")  raw.startsWith("x")  raw.endsWith("x")  raw.matches("regular expression")

A message on which the expression cannot be evaluated (a field that is missing, a text compared with a number) does not
match; how many there were is said at the end. Regular expressions are RE2: linear time, no back-references.
`;

export function topicNames(): readonly string[] {
  return Object.keys(TOPICS);
}

/** Texts for \`mq help TOPIC\`. */
export const TOPICS: Readonly<Record<string, string>> = {
  filters: FILTERS,
  'exit-codes': `Exit codes:\n${exitCodesHelp()}\n`,
};
