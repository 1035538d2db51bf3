// Prints the manual page as Markdown, from the program's own help: the build pipes it through marked-man into
// dist/mq.1.
import { manPage } from '../src/cli/help/man-page.ts';

process.stdout.write(await manPage());
