import { MabuildError, safeEntryPath } from '@mabuild/oci';

/** A repository, what of it is wanted, and how messages call it. */
export interface GitUrl {
  /** As git takes it. */
  readonly remote: string;
  /** Branch, tag or commit; `undefined` for what the remote's HEAD is. */
  readonly ref: string | undefined;
  /** Slash-separated; empty for the root. */
  readonly subdirectory: string;
  /** The remote without credentials. */
  readonly shown: string;
}

/**
 * Tells a git URL from a folder as docker does: `git://`, `ssh://`, `file://`, `user@host:path`, `github.com/…`, and
 * `http(s)://` whose path ends in `.git`.
 */
export function isGitUrl(spec: string): boolean {
  return (
    /^(git|ssh|file):\/\//.test(spec) ||
    /^github\.com\//.test(spec) ||
    /^[\w.-]+@[\w.-]+:[^/]/.test(spec) ||
    /^[\w.-]+@[\w.-]+:\//.test(spec) ||
    /^https?:\/\/[^#?]*\.git(#|$)/.test(spec)
  );
}

/**
 * Takes `URL#ref:subdirectory` apart.
 * @throws MabuildError `USAGE` for a part that git could take for an option or a refspec, and for `..`
 */
export function parseGitUrl(spec: string): GitUrl {
  const hash = spec.indexOf('#');
  const bare = hash < 0 ? spec : spec.slice(0, hash);
  const fragment = hash < 0 ? '' : spec.slice(hash + 1);
  const remote = bare.startsWith('github.com/') ? `https://${bare}` : bare;
  const shown = withoutCredentials(remote);
  const colon = fragment.indexOf(':');
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  if (/^[-+]|\.\.|@\{|[\s~^:?*[\\]|\p{Cc}/u.test(ref)) {
    throw refused(`${JSON.stringify(ref)} of ${shown} is no name of a branch, tag or commit`);
  }
  if (isDisguisedOption(remote)) throw refused(`${shown} holds a part that git would take for an option`);
  let subdirectory: string;
  try {
    subdirectory = safeEntryPath(fragment.slice(colon < 0 ? fragment.length : colon + 1).replace(/^\/+/, ''));
  } catch {
    throw refused(`the folder ${JSON.stringify(fragment.slice(colon + 1))} lies outside of ${shown}`);
  }
  return { remote, ref: ref === '' ? undefined : ref, subdirectory, shown };
}

/** A text without the user and password of any URL in it, and without query strings. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s'"]*@/g, '://').replace(/(:\/\/[^\s?'"]*)\?[^\s'"]*/g, '$1');
}

/** A user, host or path that starts with a dash reaches ssh as an option. */
function isDisguisedOption(remote: string): boolean {
  return /^-|^[a-z]+:\/\/-|^[a-z]+:\/\/[^/]*@-|^[^/:]*@-|^[^/]*@[^/:]*:-|\p{Cc}|::/u.test(remote);
}

function refused(message: string): MabuildError {
  return new MabuildError(message, { code: 'USAGE', hint: 'write URL#BRANCH:FOLDER' });
}
