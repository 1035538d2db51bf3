import type { Manifest } from '../../contract/backend.ts';
import { MqError } from '../../contract/errors.ts';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const SCHEME = /^[a-z][a-z0-9+.-]{0,31}$/;
const ENCRYPTIONS: readonly unknown[] = ['tls', 'plain', 'parameter', 'none'];
const TYPES: readonly unknown[] = ['text', 'choice', 'number', 'duration', 'file', 'url'];
/** The limit for a manifest, because help shows it. */
const MOST_BYTES = 64 * 1024;

/**
 * The manifest of a third-party backend, as plain data. It is shown on terminals and decides where URLs go. So it must
 * not contain control characters, nor a name, scheme or kind that is taken. Throws `CONFIG_INVALID`.
 */
export function checkedManifest(value: unknown, from: string, taken: readonly Manifest[]): Manifest {
  const refuse = (why: string): never => {
    throw new MqError('CONFIG_INVALID', `the manifest of ${from} ${why}`);
  };
  const text = plainText(value);
  if (text === null || text.length > MOST_BYTES) return refuse('is not plain data, or is too long');
  if (/\\u00[01][0-9a-f]|\\[bfnrt]|[\u007f-\u009f]/.test(text)) return refuse('contains control characters');
  const manifest: Record<string, unknown> = JSON.parse(text);
  const { name, title, schemes, kinds, parameters, forms, remarks, queueUrls, flags, file } = manifest;
  if (typeof name !== 'string' || !NAME.test(name)) return refuse('has no good name');
  if (typeof title !== 'string' || title === '') return refuse('has no title');
  if (!areRecords(schemes) || schemes.length === 0 || !schemes.every(isScheme)) return refuse('has no good schemes');
  if (!areTexts(kinds) || kinds.length === 0) return refuse('has no kinds of queue');
  if (!areRecords(parameters) || !parameters.every(isParameter)) return refuse('has no good parameters');
  if (!areRecords(forms) || !forms.every((one) => areTexts([one.form, one.meaning])))
    return refuse('has no good forms');
  if (!areTexts(remarks) || !areTexts(queueUrls)) return refuse('has no good remarks or URLs of queues');
  if (!isRecord(manifest.holders) || !isRecord(manifest.examples)) return refuse('has no holders or no examples');
  if (!Object.values(manifest.examples).every(areTexts)) return refuse('has no good examples');
  if (!areTexts(Object.values(manifest.holders))) return refuse('has no good holders');
  // A flag could take the name of one that every verb has, and a file could replace the embedded queue.
  if (!Array.isArray(flags) || flags.length > 0)
    return refuse('has flags of its own, which only built-in backends have');
  if (file !== undefined) return refuse('keeps queues in a file, which only a built-in backend may');
  for (const other of taken) {
    if (other.name === name) return refuse(`has the name ${name}, which is taken`);
    const scheme = schemes.find((one) => other.schemes.some((known) => known.name === one.name));
    if (scheme !== undefined) return refuse(`has the scheme ${String(scheme.name)}:, which is taken`);
    const kind = kinds.find((one) => other.kinds.includes(one));
    if (kind !== undefined) return refuse(`has the kind ${kind}, which is taken`);
  }
  return manifest as unknown as Manifest;
}

function plainText(value: unknown): string | null {
  try {
    return isRecord(value) ? JSON.stringify(value) : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areRecords(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isRecord);
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
}

function isScheme({ name, port, encryption }: Record<string, unknown>): boolean {
  const isPort = port === null || (Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536);
  return typeof name === 'string' && SCHEME.test(name) && isPort && ENCRYPTIONS.includes(encryption);
}

function isParameter({ name, type, meaning }: Record<string, unknown>): boolean {
  if (!areTexts([name, meaning]) || !isRecord(type) || !TYPES.includes(type.is)) return false;
  if (type.is === 'number') return [type.least, type.most].every((one) => typeof one === 'number');
  return type.is !== 'choice' || areTexts(type.of);
}
