import { Text } from 'ink';
import { memo, type ReactNode } from 'react';

interface LineViewProps {
  readonly text: string;
  readonly words: string | undefined;
}

/** One `Text` for each line: separate cells take twice as long (measured). Unchanged lines are not rendered again. */
export const LineView = memo(function LineView({ text, words }: LineViewProps): ReactNode {
  // An empty Text takes no line.
  if (words === '') return <Text aria-hidden>{text}</Text>;
  return (
    <Text wrap="truncate" {...(words === undefined ? {} : { 'aria-label': words })}>
      {text === '' ? ' ' : text}
    </Text>
  );
});
