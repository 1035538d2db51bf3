import { styleText } from 'node:util';
import type { LabelColor } from '../watched.ts';

export type Style = 'selected' | 'title' | 'heading' | 'faint' | 'warning' | 'alarm' | 'good';

/** What the terminal can show. Colour only repeats what a character says already. */
export interface Theme {
  readonly color: boolean;
  /** False with `TERM=dumb` and if the locale is not UTF-8. */
  readonly unicode: boolean;
}

export interface Glyphs {
  /** From nothing to full. */
  readonly bars: string;
  readonly ellipsis: string;
  readonly down: string;
  readonly up: string;
  readonly rule: string;
  readonly dot: string;
}

const UNICODE: Glyphs = { bars: '▁▂▃▄▅▆▇█', ellipsis: '…', down: '▼', up: '▲', rule: '─', dot: '·' };
const ASCII: Glyphs = { bars: '_.-=+*#@', ellipsis: '~', down: 'v', up: '^', rule: '-', dot: '|' };

export function glyphsOf(theme: Theme): Glyphs {
  return theme.unicode ? UNICODE : ASCII;
}

const FORMATS: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
  selected: 'inverse',
  title: 'bold',
  heading: 'underline',
  faint: 'dim',
  warning: 'yellow',
  alarm: 'red',
  good: 'green',
};

/** `text` must be safe and have its final width: paint comes last. */
export function paint(theme: Theme, style: Style, text: string): string {
  return theme.color && text !== '' ? styleText(FORMATS[style], text, { validateStream: false }) : text;
}

/** The same in the colour of a context; unchanged if that has none. */
export function paintLabel(theme: Theme, color: LabelColor | undefined, text: string): string {
  return theme.color && color !== undefined && text !== '' ? styleText(color, text, { validateStream: false }) : text;
}
