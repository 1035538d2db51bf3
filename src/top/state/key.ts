/** Keys that are not a character. */
export const NAMED_KEYS = [
  'up',
  'down',
  'left',
  'right',
  'pageup',
  'pagedown',
  'home',
  'end',
  'enter',
  'escape',
  'tab',
  'backspace',
  'ctrl-c',
  'ctrl-u',
  'ctrl-w',
] as const;
export type NamedKey = (typeof NAMED_KEYS)[number];

/**
 * One key. Terminals send fast keys in one piece, and they are split before they come here. Text that is pasted into a
 * line comes whole, as one `char`.
 */
export type Key = { readonly name: NamedKey } | { readonly char: string };

/** The character of a key; empty for a named one. */
export function charOf(key: Key): string {
  return 'char' in key ? key.char : '';
}

export function nameOf(key: Key): NamedKey | null {
  return 'name' in key ? key.name : null;
}

/** A line of text after a key was typed into it; null if the key has no meaning there. */
export function typedInto(text: string, key: Key): string | null {
  if ('char' in key) return text + key.char;
  if (key.name === 'backspace') return Array.from(text).slice(0, -1).join('');
  if (key.name === 'ctrl-w') return text.replace(/\S*\s*$/u, '');
  return key.name === 'ctrl-u' ? '' : null;
}
