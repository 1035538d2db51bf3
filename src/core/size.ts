import { MqError } from '../contract/errors.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
};

/**
 * `64Ki` → bytes. `k M G` are powers of 1000 and `Ki Mi Gi` powers of 1024, in exactly this spelling. A bare number is
 * bytes. Throws `USAGE`.
 */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(k|M|G|Ki|Mi|Gi)?$/.exec(text);
  const unit = match === null ? undefined : UNITS[match[2] ?? ''];
  const bytes = match === null || unit === undefined ? Number.NaN : Number(match[1]) * unit;
  if (!Number.isSafeInteger(bytes)) {
    throw new MqError('USAGE', `not a size in whole bytes: ${text}`, {
      hint: 'write 500, 64k (64,000), 64Ki (65,536), 1M, 1Mi, 1G or 1Gi',
    });
  }
  return bytes;
}

/** For people: `1.5 KiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}
