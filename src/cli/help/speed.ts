/** From one run of the table of benchmarks (`npm run bench`); the date is that of the run. */
export const SPEED = `How fast mq is, beside what people use today. Each figure is the median of the ratios of at least 5 rounds, both in
turn in one run of 'npm run bench' in the project: two cores, Node 24, the brokers on the same machine (RabbitMQ 3.10, Redis
7.0, fauxqs for SQS), on 2026-11-28. Times depend on the machine; ratios do so much less.

Time of a whole command, as a multiple of the other's. Less is better.

  1.1   mq --version, mq --help              an empty Node program
  1.9   stats, peek, SQLite                  an empty Node program
  2.0   enqueue, SQLite                      an empty Node program
  3.2   stats, Redis list                    an empty Node program
  3.4   enqueue, Redis list                  an empty Node program
  3.6   stats, RabbitMQ                      an empty Node program
  3.7   enqueue, RabbitMQ                    an empty Node program
  4.2   enqueue, SQS                         an empty Node program
  0.71  stats, RabbitMQ                      rabbitmqadmin (Python)
  0.96  ls, RabbitMQ with 10,000 queues      rabbitmqadmin (Python)
  0.22  enqueue, SQS                         the AWS CLI
  0.28  enqueue, SQS, 20 ms a round trip     the AWS CLI
  2.6   enqueue, RabbitMQ, 20 ms             amqp-publish, which waits for no confirmation
  4.1   enqueue, Redis list, 20 ms           redis-cli

Messages a second, as a multiple of the other's. More is better.

  0.59  enqueue 200,000 lines, Redis list    redis-cli --pipe
  0.53  the same, Redis stream               redis-cli --pipe
  0.63  the same, SQLite                     a script on node:sqlite with the same syncs
  0.32  the same, RabbitMQ classic           amqp-publish -l, which waits for no confirmation and may lose the last
  0.84  the same, RabbitMQ quorum            amqp-publish -l, as above
  1.16  redrive 50,000, RabbitMQ classic     shovel, on-confirm
  0.97  redrive 50,000, RabbitMQ quorum      shovel, on-confirm
  0.30  the same, RabbitMQ 4.3               local shovel, which leaves the marks of death on the messages
  2.8   redrive 50,000, BullMQ               job.retry, 200 at once
  0.53  drain --to, Redis stream             a script of 20 lines with the same syncs
  0.33  drain --to, Redis list               a script of 20 lines with the same syncs
  0.22  drain --to, SQLite                   a script of 20 lines with the same syncs, and neither states nor leases
  0.20  drain --exec true -j 8               xargs -P8 sh -c true

How it grows:

  0.78  a filtered move of a list of 1,000,000, a message, against one of 100,000
  0.96  redrive of one RabbitMQ queue in a vhost of 5,000, against one of 10; 2.2 for stats of one with traffic
  0.96  taking from a SQLite queue of 10,000,000, against one of 10,000. Its stats are counted: they grow with it
  2.3 % of a core is what top takes over 2,000 idle SQLite queues, 2.7 % over 10,000.

Every bulk command above stayed below 142 MiB of memory.
`;
