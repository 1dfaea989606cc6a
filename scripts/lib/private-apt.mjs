import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The command line of an apt that keeps lists and packages in a folder of its own: nothing is installed, and the system's
 * apt is neither disturbed nor waited for.
 *
 * @param {string} state the folder
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [settings] what else is to be different, e.g. `Dir::Etc::sourcelist`
 * @returns {Promise<[string, ...string[]]>}
 */
export async function privateApt(state, args, settings = {}) {
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(state, 'archives', 'partial'), { recursive: true });
  const all = {
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Dir::State': state,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': state,
    'Debug::NoLocking': 'true',
    ...settings,
  };
  const set = Object.entries(all).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return ['apt-get', '-qq', ...set, ...args];
}
