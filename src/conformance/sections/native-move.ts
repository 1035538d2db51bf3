import type { NativeMove, NativeMoveRequest, Queue } from '../../contract/queue.ts';
import { type Bench, bodies } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const nativeMove: Section = ({ capabilities, members }) => {
  const { move } = capabilities.abilities;
  // A native redrive is seen in "dead letters and redrive"; here, queue to queue.
  if (!members.has('nativeMove') || !move.supported || move.guarantee !== 'atomic') return [];
  return [
    {
      title: 'asking whether it is possible touches nothing',
      async run(bench) {
        const { source, target } = await two(bench);
        const asked = await source.nativeMove?.(request(bench, target, false));
        await asked?.close();
        bench.expectBodies(await bench.contents(source), bodies(5));
        expect(await bench.contents(target)).toEqual([]);
      },
    },
    {
      title: 'moves the next ones up to a number, page by page, in order, until nothing is left',
      async run(bench) {
        const { source, target } = await two(bench);
        const native = await opened(source, request(bench, target, false));
        expect(native.guarantee).toBe('atomic');
        const first = await native.next({ upTo: 2 });
        expect(first).toMatchObject({ moved: 2, skipped: [], failed: [], exhausted: false });
        bench.expectBodies(await bench.contents(target), bodies(2));
        bench.expectBodies(await bench.contents(source), bodies(3, 3));
        const second = await native.next({ upTo: 10 });
        expect(second).toMatchObject({ moved: 3, skipped: [], failed: [], exhausted: true });
        await native.close();
        bench.expectBodies(await bench.contents(target), bodies(5));
        expect(await bench.contents(source)).toEqual([]);
      },
    },
    {
      title: 'moves exactly the messages that are named; one that is gone is skipped, and nothing else is touched',
      async run(bench) {
        const { source, target } = await two(bench);
        const seen = await bench.peek(source);
        const native = await opened(source, request(bench, target, true));
        await bench.take(source, { limit: 1 });
        const page = await native.next({ messages: seen.slice(0, 3) });
        await native.close();
        expect(page).toMatchObject({ moved: 2, failed: [] });
        expect(page.skipped.map(({ id }) => id)).toEqual([seen[0]?.id]);
        bench.expectBodies(await bench.contents(target), bodies(2, 2));
        bench.expectBodies(await bench.contents(source), bodies(2, 4));
      },
    },
    {
      title: 'a moved message keeps all that it carries',
      async run(bench) {
        const source = await bench.queue();
        const target = await bench.queue();
        const fields = capabilities.holds.includes('headers') ? { headers: { 'x-tenant': 'acme' } } : {};
        await bench.fill(source, bodies(1), fields);
        const [before] = await bench.contents(source);
        const native = await opened(source, request(bench, target, false));
        await native.next({ upTo: 1 });
        await native.close();
        const [after] = await bench.contents(target);
        const { headers, contentType, priority, groupId, ttlMs, name } = before ?? {};
        expect(after).toMatchObject({ headers, contentType, priority, groupId, ttlMs, name });
      },
    },
  ];
};

async function two(bench: Bench): Promise<{ readonly source: Queue; readonly target: Queue }> {
  const source = await bench.queue();
  const target = await bench.queue();
  await bench.fill(source, bodies(5));
  return { source, target };
}

function request(bench: Bench, to: Queue, selective: boolean): NativeMoveRequest {
  return { state: 'ready', to, selective, limit: null, countReplay: false, ...bench.call };
}

async function opened(source: Queue, wanted: NativeMoveRequest): Promise<NativeMove> {
  const native = await source.nativeMove?.(wanted);
  if (native === null || native === undefined) throw new Error('it declares an atomic move but offers none');
  return native;
}
