// Writes dist/mq.1 from the program's own help: the last step of the build.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manPage } from '../src/cli/commands/man-page.ts';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { status, stdout, stderr } = spawnSync(process.execPath, [path('../node_modules/marked-man/bin/marked-man.js')], {
  input: await manPage(),
  encoding: 'utf8',
});
if (status !== 0) throw new Error(`marked-man: ${stderr}`);
writeFileSync(path('../dist/mq.1'), stdout);
