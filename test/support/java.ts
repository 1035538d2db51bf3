import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { provisionHere } from './provision.ts';

const run = promisify(execFile);

/** One program in Java with other people's clients, for the other side of a queue. */
export interface JavaProgram {
  /** Runs it to its end, and resolves to what it printed. Rejects with what it complained of when it fails. */
  run(...args: readonly string[]): Promise<string>;
}

/**
 * Compiles a source of one class against the jars of one library (`group:artifact:version`, what it depends on
 * included): once for each version of either, below `~/.cache/mq-test`. Ask at the top of the file: the first to ask
 * may have to install a JDK and Maven, and fetches the jars.
 */
export async function javaProgram(source: string, library: string): Promise<JavaProgram> {
  const javac = await provisionHere('javac');
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mq-test');
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
  const jars = await madeOnce(join(cache, `jars-${hash(library)}`), async (folder) => {
    writeFileSync(join(folder, 'pom.xml'), pomOf(library));
    const copy = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
    await run(await provisionHere('mvn'), copy, { cwd: folder, timeout: 200_000 });
  });
  const name = basename(source, '.java');
  const classes = await madeOnce(
    join(cache, `java-${hash(library + readFileSync(source, 'utf8'))}`),
    async (folder) => {
      await run(javac, ['-nowarn', '-cp', join(jars, '*'), '-d', folder, source], { timeout: 60_000 });
    },
  );
  return {
    async run(...args) {
      // What is short-lived needs no second compiler, and little memory.
      const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx128m'];
      const path = `${classes}:${join(jars, '*')}`;
      const { stdout } = await run('java', [...jvm, '-cp', path, name, ...args], { timeout: 50_000 });
      return stdout;
    },
  };
}

/** Two runs may make it at once: each in a folder of its own, and the first to be done gives it its name. */
async function madeOnce(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  const building = `${folder}.${process.pid}.${Date.now()}`;
  mkdirSync(building, { recursive: true });
  try {
    await make(building);
    renameSync(building, folder);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function pomOf(library: string): string {
  const [group, artifact, version] = library.split(':');
  const dependency = `<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>`;
  const own = '<groupId>mq</groupId><artifactId>test</artifactId><version>1</version>';
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${own}<dependencies><dependency>${dependency}</dependency></dependencies></project>\n`;
}
