/**
 * A sentence for the operator: a price, a warning, "waiting: the broker is low on memory". Broker text in it is not yet
 * made safe.
 */
export type Notice = (text: string) => void;

/** What goes with a call that may take a while and may have something to tell. */
export interface Call {
  readonly notice: Notice;
  /** Ends the call. What it does then, the call says. */
  readonly signal: AbortSignal;
}
