import type { SendOutcome } from '../../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../../contract/queue.ts';
import { batchPublisher } from '../batch-publisher.ts';
import type { Connection } from '../connection.ts';
import { redisError } from '../errors.ts';
import { asList, asText } from '../reply.ts';
import { fieldsOf, isBodyAlone, streamMisfits } from './entry.ts';

/**
 * Adds entries, each with an answer of its own: one call for a batch is three times as fast as one call for each.
 * KEYS[1] stream. ARGV: for each entry the number of its fields and values, then those.
 * Returns for each its id, or '!' and the error.
 */
const ADD = `
local results = {}
local i = 1
while i <= #ARGV do
  local count = tonumber(ARGV[i])
  local id = redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, i + 1, i + count))
  results[#results + 1] = type(id) == 'table' and '!' .. id.err or id
  i = i + 1 + count
end
return results
`;

/** As ADD for entries that are a body and nothing else, which is what a bulk input is. ARGV: the bodies. */
const ADD_BODIES = `
local results = {}
local pcall = redis.pcall
local key = KEYS[1]
for i = 1, #ARGV do
  local id = pcall('XADD', key, '*', 'body', ARGV[i])
  results[i] = type(id) == 'table' and '!' .. id.err or id
end
return results
`;

export function streamPublisher(connection: Connection, key: string, options: PublisherOptions): Publisher {
  return batchPublisher(
    {
      queue: key,
      misfits: streamMisfits,
      async store(messages) {
        const fields = messages.map(fieldsOf);
        const isBare = messages.every((message) => isBodyAlone(message));
        const args = isBare
          ? fields.flatMap(([, body]) => body ?? [])
          : fields.flatMap((entry) => [Buffer.from(String(entry.length)), ...entry]);
        const place = { operation: 'send', queue: key };
        const answer = await connection.bulk(['EVAL', isBare ? ADD_BODIES : ADD, 1, key], args, place);
        if (answer.ok) return asList(answer.reply).map((reply) => outcomeOf(asText(reply), key));
        const { message } = redisError(answer.error, place);
        return messages.map((): SendOutcome => ({ status: answer.refused ? 'failed' : 'unknown', reason: message }));
      },
    },
    options,
  );
}

function outcomeOf(reply: string, queue: string): SendOutcome {
  if (!reply.startsWith('!')) return { status: 'sent', id: reply };
  const refusal = Object.assign(new Error(reply.slice(1)), { name: 'ReplyError' });
  return { status: 'failed', reason: redisError(refusal, { operation: 'send', queue }).message };
}
