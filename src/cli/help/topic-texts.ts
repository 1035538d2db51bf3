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

Whole numbers are exact to 64 bits, also in a JSON body and in headers. They mix with other numbers in arithmetic and
comparisons: body.n % 2 == 0, body.total / 2 > 1.5 (7 / 2 is 3.5), body.id in [1, 2]. A result that would be rounded
cannot be evaluated. If the filter can be evaluated on none of the messages, mq ends with exit code 2, or 3 with a report.

A message on which the expression cannot be evaluated (a field that is missing, a text compared with a number) does not
match; mq says at the end how many there were. Regular expressions are RE2: linear time, no back-references.
`;

const URLS = `The broker is the first of these that is given:

  --url URL, -c/--context NAME or QUEUE@NAME
  MQ_URL or MQ_CONTEXT
  the current context: mq context use NAME, else 'context:' in the configuration
  an embedded database, $XDG_DATA_HOME/mq/mq.db

${urlForms()}

What may follow the ? (several with &):

${urlParameters()}

${urlRemarks()}

In QUEUE@NAME, NAME is a known context. A mistyped name of a context is refused. An unknown one is refused, too, if no broker
was chosen; otherwise the whole is the name of a queue. With --url it always is.

Letters such as @ : / in a user or a password are percent-encoded in a URL. It is better to have no password there: a
context takes it from elsewhere, and adds it after the URL is split.

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

mq looks for a project's .mq.yaml from here up to the root of the repository (outside of one: only here). The file may hold
contexts of its own, defaults, and a 'context:' that is one of them; a verb that changes something then says where it goes.
It must not hold passwords, variables or commands, nor a parameter that names a file, an identity or a server elsewhere. It
cannot choose a context of your own, and yours wins over one of the same name. It is passed over if the file, its folder or
the repository belongs to another user.
`;

const ENVELOPE = `A message as one line of JSON: what peek and drain print with -o ndjson, and what enqueue --ndjson reads.

  {"queue":"orders","id":"7","state":"dead","body":"{\\"order\\":42}","encoding":"utf8","headers":{"type":"order.created"},
   "contentType":"application/json","enqueuedAt":"2026-11-21T09:00:00.000Z","deliverAt":null,"receiveCount":3,"priority":null,
   "groupId":null,"deduplicationId":null,"ttlMs":null,"name":null,
   "dead":{"from":"orders","reason":"rejected","error":null,"at":"2026-11-21T09:05:00.000Z","count":1,"replays":0},"native":{}}

  body, encoding   text, or base64 if the bytes are not UTF-8; written back byte for byte
  native           what only that broker has, enough to send the message back unchanged
  notes            by field, why it differs from what is on the message (an invalid date); only if there is something to
                   say, and not sent again
  null             unknown, or not for this kind of queue; a key that is missing means the same on input

  $ mq drain orders --dead --to dead.ndjson
  $ jq -c 'select(.headers.type == "order.created")' dead.ndjson | mq enqueue orders --ndjson

A queue as one line of JSON: what ls, stats and top print with -o ndjson.

  {"queue":"orders","context":"prod","broker":"…","kind":"…","state":"running","ready":120,"inFlight":10,
   "delayed":null,"dead":3,"depth":130,"consumers":4,"oldestAgeMs":null,
   "rates":{"inPerSec":12.5,"outPerSec":11,"errorPerSec":null,"windowMs":10000},"approximate":["ready"],
   "notes":{"oldestAgeMs":"the broker does not tell the age on this kind"},"sampledAt":"2026-11-21T09:05:00.000Z"}

  sampledAt        when it was read; the rates are of the windowMs before that
  approximate      figures that the broker itself calls approximate, or that lag by seconds
  null             unknown, or not for this kind of queue; notes say why
  notes            by field; notes.list is on each row of a list that is not complete (walking through all keys took too long)
`;

const SAFETY = `What asks, and what guards:

  only read                 ls stats inspect peek top backends doctor history
  change, and do not ask    enqueue drain copy pause resume create
  ask y/N                   redrive move
  ask for the queue's name  purge delete

  --dry-run            counts, and touches nothing: the review step before a redrive, move, copy or purge
  --yes                does not ask; without it and without a terminal a verb that asks ends with exit code 2 at once
  --max N, --rate 50/s bound how much and how fast
  --force              looks even if looking may do harm, or if that is unknown
  --lossy              sends even if the queue cannot hold everything of a message, if it may drop its oldest messages,
                       or if nobody may ask whether its replicas have what was sent
  --keep-going         drain --exec goes on even if the first ten deliveries have all failed; else it stops there
  --allow-empty        enqueue sends an empty file or input as one empty message; else that is refused
  --backup FILE        purge writes each message there first

On a context that is protected, every change asks for the queue's name; --yes counts only with --confirm QUEUE. A readonly
context refuses every change. Rules do one or the other for some queues and verbs. See mq help urls.

A message leaves its queue only after its destination has it for certain: a crash, a kill or a cut connection leaves it
in one of the two, at worst in both. After the first Ctrl-C, mq takes nothing new, settles what is in the air and reports. The
second one ends it at once.

On some queues (where mq backends says that peek disturbs) looking is a delivery: each look at a message that stays
brings it nearer to its limit. Every verb that may leave what it looks at (peek, a --filter, copy) says that price first,
and refuses when a look could make a message dead, or when the limit cannot be read. A dry run of everything asks the
broker for its count instead.

The message itself says whose dead letter it is: redrive, purge --dead and peek --dead take those that the named queue lost,
and leave those that another queue lost in the same dead-letter queue. The links decide only for a message that says nothing.

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
