// Prints the manual page as Markdown, from the program's own help: the build pipes it through marked-man into dist/mq.1.
import { manPage } from '../src/cli/commands/man-page.ts';

process.stdout.write(await manPage());
