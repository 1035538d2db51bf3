import type { Output } from '../host/host.ts';
import { styleText } from '../host/light-builtins.ts';
import type { Globals } from '../line/globals.ts';

export type Style = Parameters<typeof styleText>[0];

/**
 * The text in a style, if colours are wanted: by `--color`, else by what Node reads from NO_COLOR, FORCE_COLOR and the
 * terminal.
 */
export function paint(output: Output, color: Globals['color'], style: Style, text: string): string {
  const wanted = color === 'always' || (color === 'auto' && output.hasColor);
  return wanted ? styleText(style, text, { validateStream: false }) : text;
}
