import { exitCodesHelp } from '../../core/exit-codes.ts';
import { exampleUrls, urlForms, urlParameters, urlRemarks } from './url-help.ts';

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

Whole numbers, also of a JSON body and of headers, are exact to 64 bits, and go with other numbers in arithmetic and
comparisons: body.n % 2 == 0, body.total / 2 > 1.5 (7 / 2 is 3.5), body.id in [1, 2]. What would be rounded cannot be evaluated.
A filter that can be evaluated on none of the messages is no answer: exit 2, or 3 where a report is made.

A message on which the expression cannot be evaluated (a field that is missing, a text compared with a number) does not
match; how many there were is said at the end. Regular expressions are RE2: linear time, no back-references.
`;

const URLS = `Which broker, the first that is given:

  --url URL, -c/--context NAME or QUEUE@NAME
  MQ_URL or MQ_CONTEXT
  the current context: mq context use NAME, else 'context:' in the configuration
  an embedded database, $XDG_DATA_HOME/mq/mq.db

${urlForms()}

What may follow the ? (several with &):

${urlParameters()}

${urlRemarks()}

In QUEUE@NAME, NAME is a context that is known. A slip of one is refused, and so is an unknown one where no broker was chosen;
else all of it is the name of a queue, and with --url always.

Letters such as @ : / in a user or a password are percent-encoded in a URL. Better not to have one there: a context
takes the password from elsewhere, and it is put in after the URL is split.

  # ~/.config/mq/config.yaml (or $MQ_CONFIG); mq context add writes it and keeps your comments
  contexts:
    prod:
      url: ${exampleUrls().at(-1)}
      password: {env: PROD_PASSWORD}       # or {file: PATH}, or {command: [pass, show, prod]}
      queue: orders                        # what @prod stands for
      protected: true                      # every change asks for the queue's name
      rules: {'payments-*': {purge: deny}} # deny or confirm, by verb; '*' is every verb that changes something
      redact: [card.number, customers.*.email]  # not shown by peek, inspect and top
    staging: {url: '${exampleUrls().at(0)}', readonly: true}

A project's .mq.yaml is looked for from here up to the root of the repository (outside of one: only here). It may hold contexts
of its own, defaults, and a 'context:' that is one of them; a verb that changes something then says where it goes.
It may not hold passwords, variables or commands, nor a parameter that names a file, an identity or a server elsewhere. It
cannot choose a context of your own, and yours wins over one of the same name. What belongs to another user (file, folder,
repository) is passed over.
`;

const ENVELOPE = `A message as one line of JSON: what peek and drain print with -o ndjson, and what enqueue --ndjson reads.

  {"queue":"orders","id":"7","state":"dead","body":"{\\"order\\":42}","encoding":"utf8","headers":{"type":"order.created"},
   "contentType":"application/json","enqueuedAt":"2026-11-21T09:00:00.000Z","deliverAt":null,"receiveCount":3,"priority":null,
   "groupId":null,"deduplicationId":null,"ttlMs":null,"name":null,
   "dead":{"from":"orders","reason":"rejected","error":null,"at":"2026-11-21T09:05:00.000Z","count":1,"replays":0},"native":{}}

  body, encoding   text, or base64 where the bytes are no UTF-8; written back byte for byte
  native           what only that broker has, enough to send the message back unchanged
  notes            why a field is not simply what stands on the message (a date that is none), by field; only where there is
                   something to say, and not sent again
  null             unknown, or not for this kind of queue; a key that is missing means the same on input

  $ mq drain orders --dead --to dead.ndjson
  $ jq -c 'select(.headers.type == "order.created")' dead.ndjson | mq enqueue orders --ndjson

A queue as one line of JSON: what ls, stats and top print with -o ndjson.

  {"queue":"orders","context":"prod","broker":"…","kind":"…","state":"running","ready":120,"inFlight":10,
   "delayed":null,"dead":3,"depth":130,"consumers":4,"oldestAgeMs":null,
   "rates":{"inPerSec":12.5,"outPerSec":11,"errorPerSec":null,"windowMs":10000},"approximate":["ready"],
   "notes":{"oldestAgeMs":"the broker does not tell the age on this kind"},"sampledAt":"2026-11-21T09:05:00.000Z"}

  sampledAt        when it was read; the rates are of the windowMs before that
  approximate      what the broker itself calls so, or tells seconds late
  null             unknown, or not for this kind of queue; notes say why
  notes            by field; notes.list is on each row of a list that is not whole (walking through all keys took too long)
`;

const SAFETY = `What asks, and what guards:

  only read                 ls stats inspect peek top backends doctor history
  change, and do not ask    enqueue drain copy pause resume create
  ask y/N                   redrive move
  ask for the queue's name  purge delete

  --dry-run            counts, and touches nothing: the review step before a redrive, move, copy or purge
  --yes                does not ask; without it and without a terminal a verb that asks ends with exit code 2 at once
  --max N, --rate 50/s bound how much and how fast
  --force              looks even where looking may do harm, or where nobody can tell
  --lossy              sends what the queue cannot hold whole, or where nobody can tell whether it drops its oldest messages
  --keep-going         drain --exec goes on although the first ten deliveries have all failed; else it stops there
  --allow-empty        enqueue sends an empty file or input as one empty message; else that is refused
  --backup FILE        purge writes each message there first

On a context that is protected, every change asks for the queue's name; --yes counts only with --confirm QUEUE. A readonly
context refuses every change. Rules do either for some queues and verbs. See mq help urls.

A message leaves its queue only after its destination has it for certain: a crash, a kill or a cut connection leaves it
in one of the two, at worst in both. The first Ctrl-C takes nothing new, settles what is in the air and reports; the second
ends at once.

On some queues (where mq backends says that peek disturbs) looking is a delivery: each look at a message that stays
brings it nearer to its limit. Every verb that may leave what it looks at (peek, a --filter, copy) says that price first,
and refuses when a look could make a message dead, or when the limit cannot be read. A dry run of everything asks the
broker for its count instead.

Whose dead letter a message is, the message says: redrive, purge --dead and peek --dead of a queue take those that it lost, and
leave what another queue lost in the same dead-letter queue. The links decide only for a message that says nothing.

Every change leaves a line in the history, without bodies: mq history. Secrets are replaced by *** in all that mq says.
`;

/** One for each name in `topics.ts`, which checks that. */
export const TOPIC_TEXTS = {
  filters: FILTERS,
  'exit-codes': `Exit codes:\n${exitCodesHelp()}\n`,
  urls: URLS,
  envelope: ENVELOPE,
  safety: SAFETY,
};
