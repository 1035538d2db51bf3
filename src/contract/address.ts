import type { Manifest, Scheme } from './backend.ts';

export interface KnownScheme {
  readonly manifest: Manifest;
  readonly scheme: Scheme;
}

/** The scheme of a URL, in lower case and without its colon; null: the text has none. */
export function schemeNameOf(url: string): string | null {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? null;
}

/** The broker that a URL leads to; null: the URL has no scheme, or one that no broker declares. */
export function schemeOf(url: string, manifests: readonly Manifest[]): KnownScheme | null {
  const asked = schemeNameOf(url);
  for (const manifest of manifests) {
    const scheme = manifest.schemes.find(({ name }) => name === asked);
    if (scheme !== undefined) return { manifest, scheme };
  }
  return null;
}

/** The addresses of every broker, as hints name them: `file:PATH, broker://…`. */
export function addressForms(manifests: readonly Manifest[]): string {
  return manifests.flatMap(({ forms }) => forms.flatMap(({ short }) => short ?? [])).join(', ');
}
