// Prints the manual page as Markdown, from the program's own help: the build pipes it through marked-man into
// dist/mq.1.
import { manual } from '../src/cli/start/manual.ts';

process.stdout.write(await manual());
