import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call that a client made, as the proxy saw it. */
export interface SeenCall {
  /** `SendMessageBatch`, `ReceiveMessage` … */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly userAgent: string;
  status: number | null;
  output: Readonly<Record<string, unknown>> | null;
}

export interface FaultyAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Sends the call on to the emulator, changed or not. */
export type Forward = (input?: Readonly<Record<string, unknown>>) => Promise<FaultyAnswer>;
/** Null: no fault, forward as it is. `cut`: close the connection without an answer. */
export type Fault = (call: SeenCall, forward: Forward) => Promise<FaultyAnswer | 'cut' | null>;

/** A refusal as SQS writes it. */
export function refusal(name: string, message = '', status = 400): FaultyAnswer {
  return { status, body: { __type: `com.amazonaws.sqs#${name}`, message } };
}

/**
 * A small fake in front of an emulator for what no emulator does: it passes calls on, records them, and spoils those
 * that a test asks it to (partial failures, throttling, cut connections, permission errors, short polls).
 */
export class FaultProxy {
  readonly calls: SeenCall[] = [];
  readonly url: string;
  /** How far ahead of this machine the `Date` of the answers is; null: they have none. */
  clockAheadMs: number | null = 0;
  readonly #server: Server;
  readonly #target: string;
  #faults = new Map<string, Fault>();
  #failure: unknown = null;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(target: string): Promise<FaultProxy> {
    const server = createServer();
    // It must not hang up while a client that was quiet for some seconds is just about to ask again.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new FaultProxy(server, target);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const call: SeenCall = {
          action: String(request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', ''),
          input: JSON.parse(Buffer.concat(chunks).toString() || '{}'),
          userAgent: String(request.headers['user-agent'] ?? ''),
          status: null,
          output: null,
        };
        proxy.calls.push(call);
        const forward: Forward = (input = call.input) => proxy.#forward(call.action, input, request.headers);
        const fault = proxy.#faults.get(call.action);
        let answer: FaultyAnswer | 'cut';
        try {
          answer = (await fault?.(call, forward)) ?? (await forward());
        } catch (error) {
          // Not a rejection that nobody handles: that would leave the client waiting for ever.
          proxy.#failure ??= error;
          answer = { status: 500, body: { __type: 'InternalFailure', message: `the proxy of the tests: ${error}` } };
        }
        if (answer === 'cut') {
          response.destroy();
          return;
        }
        call.status = answer.status;
        call.output = answer.body;
        response.sendDate = false;
        if (proxy.clockAheadMs !== null)
          response.setHeader('date', new Date(Date.now() + proxy.clockAheadMs).toUTCString());
        response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(answer.body));
      });
    });
    return proxy;
  }

  /** From now on, calls of `action` go through `fault`. */
  spoil(action: string, fault: Fault): void {
    this.#faults.set(action, fault);
  }

  /** A call of the fake's own to the emulator; not recorded. */
  ask(action: string, input: Readonly<Record<string, unknown>>): Promise<FaultyAnswer> {
    return this.#forward(action, input, {});
  }

  /** No faults any more, and an empty record. */
  reset(): void {
    this.#faults = new Map();
    this.clockAheadMs = 0;
    this.calls.length = 0;
  }

  of(action: string): readonly SeenCall[] {
    return this.calls.filter((call) => call.action === action);
  }

  /** Rejects with the first failure of the proxy itself: a fault that threw, or an emulator that did not answer. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#failure !== null) throw this.#failure;
  }

  async #forward(
    action: string,
    input: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<FaultyAnswer> {
    const response = await fetch(this.#target, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${action}`,
        authorization: String(headers.authorization ?? ''),
      },
      body: JSON.stringify(input),
    });
    return { status: response.status, body: (await response.json().catch(() => ({}))) as Record<string, unknown> };
  }
}
