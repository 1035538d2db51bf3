import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, sep } from 'node:path';
import { MqError } from '../contract/errors.ts';
import { upwards } from './places.ts';
import { errnoOf } from './private-file.ts';
import { readSmallFile, UnfitFile } from './small-file.ts';

const PROJECT_FILE = '.mq.yaml';

/** A project's file, or why the one that was found is not followed. */
export type ProjectFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly passedOver: string };

/**
 * Looked for from `folder` up to the root of its git repository; outside of one only in `folder`, as what lies above is
 * nobody's project. Where others may write (a folder for temporary files, a share), anybody can put a repository above
 * the folders of somebody else: so it is read only when the file, its folder and the repository belong to the user or
 * to root.
 */
export function findProjectFile(folder: string): ProjectFile | null {
  const inside: string[] = [];
  let repository: Stats | null = null;
  for (const candidate of upwards(folder)) {
    inside.push(candidate);
    repository = statsOf(join(candidate, '.git'));
    if (repository !== null) break;
  }
  const root = repository === null ? null : (inside.at(-1) ?? null);
  for (const candidate of root === null ? inside.slice(0, 1) : inside) {
    const file = join(candidate, PROJECT_FILE);
    const own = statsOf(file);
    if (own === null) continue;
    if (!belongs(own)) return { file, passedOver: 'it belongs to another user' };
    if (repository !== null && root !== null && !(belongs(repository) && belongs(statSync(root)))) {
      return { file, passedOver: 'its repository belongs to another user' };
    }
    if (!belongs(statSync(candidate))) return { file, passedOver: 'its folder belongs to another user' };
    if (own.isSymbolicLink() && leadsOut(file, root ?? candidate))
      return { file, passedOver: 'it is a link to a file outside of the project' };
    return read(file);
  }
  return null;
}

/**
 * What the text of another file says would be shown by the error that it is no configuration: in the log of a build, to
 * who made the link.
 */
function leadsOut(file: string, project: string): boolean {
  try {
    return !realpathSync(file).startsWith(join(realpathSync(project), sep));
  } catch {
    // Opening it says why.
    return false;
  }
}

/** Null: there is none. Of a symbolic link those of the link itself, as who made it chose where it leads. */
function statsOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EACCES') return null;
    throw new MqError('CONFIG_INVALID', `cannot read ${path}: ${errno}`);
  }
}

function read(file: string): ProjectFile | null {
  try {
    const { text, stats } = readSmallFile(file);
    // Of what was opened, which a link may have led to.
    if (!belongs(stats)) return { file, passedOver: 'it belongs to another user' };
    return isOpenToOthers(stats) ? { file, passedOver: 'other users may write to it' } : { file, text };
  } catch (error) {
    if (error instanceof UnfitFile) return { file, passedOver: error.message };
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errno}`);
  }
}

/** A group of the user's own is usual, and then what is made is writable for it. */
function isOpenToOthers({ mode, gid }: Stats): boolean {
  if (ownUser() === null) return false;
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== userInfo().gid);
}

function belongs({ uid }: Stats): boolean {
  const own = ownUser();
  return own === null || uid === own || uid === 0;
}

let user: number | null | undefined;

/**
 * Null where files belong to nobody, as on Windows. Asked only when a project's file was found: a directory of users
 * may be far away.
 */
function ownUser(): number | null {
  if (user === undefined) {
    try {
      user = statSync('/proc/self').uid;
    } catch {
      user = userOfSystem();
    }
  }
  return user;
}

function userOfSystem(): number | null {
  const { uid } = userInfo();
  return uid < 0 ? null : uid;
}
