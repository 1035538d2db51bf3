/** How messages are received. Settings of the URL, because what is right depends on the server. */
export interface Reception {
  /**
   * How long one receive waits for messages, seconds, 0 to 20. A short poll (0) asks only some of SQS's servers and may
   * miss messages; a long poll asks all of them.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
   */
  readonly waitSeconds: number;
  /** So many empty answers in a row, and the queue counts as empty. */
  readonly emptyPolls: number;
  /** How long a message stays hidden when the process that holds it dies, seconds; null: as the work needs it. */
  readonly leaseSeconds: number | null;
}

/**
 * Right for AWS. `waitSeconds=0&emptyPolls=1` is right only for a server that answers every receive from all it has.
 */
export const CAREFUL: Reception = Object.freeze({ waitSeconds: 1, emptyPolls: 3, leaseSeconds: null });
