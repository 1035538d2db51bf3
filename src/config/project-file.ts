import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, sep } from 'node:path';
import { MqError } from '../contract/errors.ts';
import { upwards } from './places.ts';
import { errnoOf } from './private-file.ts';
import { readSmallFile, UnfitFile } from './small-file.ts';

const PROJECT_FILE = '.mq.yaml';

/** A project's file, or the reason why the one that was found is ignored. */
export type ProjectFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly passedOver: string };

/**
 * Searches from `folder` up to the root of its git repository. Outside of a repository it searches only in `folder`,
 * because a file above it may belong to any project. Where others may write (a folder for temporary files, a share),
 * anybody can put a repository above somebody else's folders. So the file is read only if the file, its folder and the
 * repository belong to the user or to root.
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
 * A file outside would be quoted by the error that it is no configuration. In the log of a build, its content would be
 * shown to the person who made the link.
 */
function leadsOut(file: string, project: string): boolean {
  try {
    return !realpathSync(file).startsWith(join(realpathSync(project), sep));
  } catch {
    // Opening it gives the reason.
    return false;
  }
}

/**
 * Null: there is none. For a symbolic link it is the data of the link itself, because whoever made the link chose its
 * target.
 */
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
    // Checks the file that was opened: a link may have led to it.
    if (!belongs(stats)) return { file, passedOver: 'it belongs to another user' };
    return isOpenToOthers(stats) ? { file, passedOver: 'other users may write to it' } : { file, text };
  } catch (error) {
    if (error instanceof UnfitFile) return { file, passedOver: error.message };
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errno}`);
  }
}

/** It is common that a user has a group alone, and that new files are writable for it. */
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
 * Null if files have no owner, as on Windows. This is asked only when a project's file was found: the directory of
 * users may be far away.
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
