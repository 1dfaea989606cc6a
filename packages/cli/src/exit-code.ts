import { isDiskFull, isMabuildError } from '@mabuild/oci';
import { Interrupted } from './io.ts';

/** 0 done · 1 the answer is no · 2 asked wrongly · 3 the world refused · 130 interrupted. */
export type ExitCode = number;

/** Codes that mean "the answer is no". */
const answerIsNo: ReadonlySet<string> = new Set([
  'BASE_NOT_FOUND',
  'BASE_ONBUILD_RUNS',
  'BASE_PLATFORM_MISSING',
  'BUILD_FAILED',
  'EMULATION_MISSING',
  'IMAGE_NOT_FOUND',
  'INTERNAL',
  'NEEDS_BUILDKIT',
  'NEEDS_EMBEDDED',
  'NOT_SUPPORTED_BY_EMBEDDED',
  'ONBUILD_NEEDS_EMULATOR',
  'PLATFORM_MISSING',
  'QEMU_NOT_FOUND',
  'REPOSITORY_NOT_FOUND',
  'VERIFICATION_FAILED',
  'WRONG_ARCHITECTURE',
]);

/** Codes that mean "the world refused". */
const worldRefused: ReadonlySet<string> = new Set([
  'APT_FAILED',
  'APT_NOT_FOUND',
  'BINFMT_UNREADABLE',
  'BLOB_NOT_FOUND',
  'CACHE_INVALID',
  'CREDENTIAL_HELPER_FAILED',
  'DIGEST_MISMATCH',
  'DISK_FULL',
  'DOCUMENT_TOO_LARGE',
  'ENGINE_ANSWER_INVALID',
  'ENGINE_CANNOT',
  'ENGINE_LACKS_BUILDER',
  'ENGINE_REFUSED',
  'ENGINE_SESSION_LOST',
  'ENGINE_TOO_NEW',
  'ENGINE_TOO_OLD',
  'ENGINE_UNREACHABLE',
  'EXPORT_INVALID',
  'GIT_FAILED',
  'GIT_NOT_FOUND',
  'LOAD_FAILED',
  'NOT_AN_ENGINE',
  'NO_ENGINE',
  'PROBE_FAILED',
  'PULL_FAILED',
  'REGISTRY_DENIED',
  'REGISTRY_ERROR',
  'REGISTRY_RATE_LIMITED',
  'REGISTRY_TAG_MOVED',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_UNREACHABLE',
  'REGISTRY_UNSUPPORTED',
  'SANDBOX_FAILED',
  'SANDBOX_UNAVAILABLE',
  'SIZE_MISMATCH',
  'UNSUPPORTED_MANIFEST',
]);

/** Codes that mean "asked wrongly": usage, configuration, files, names. */
const askedWrongly: ReadonlySet<string> = new Set([
  'ADDED_FILE_UNREADABLE',
  'ARCHIVE_INVALID',
  'CACHE_REFUSED',
  'CERTIFICATES_INVALID',
  'CONFIG_INVALID',
  'CONFIG_NOT_FOUND',
  'CONTEXT_ARCHIVE_INVALID',
  'CONTEXT_CHANGED',
  'CONTEXT_FILE_NOT_FOUND',
  'CONTEXT_NOT_FOUND',
  'CONTEXT_UNREADABLE',
  'DIGEST_FILE_INVALID',
  'DOCKERFILE_EXPANSION',
  'DOCKERFILE_NOT_FOUND',
  'DOCKERFILE_SYNTAX',
  'DOCKERIGNORE_INVALID',
  'DOCKER_CONFIG_INVALID',
  'DUPLICATE_PLATFORM',
  'EDIT_CONFLICT',
  'FILE_NOT_FOUND',
  'FILE_NOT_TEXT',
  'FILE_UNREADABLE',
  'FILE_UNWRITABLE',
  'INDEX_EMPTY',
  'INVALID_CHANGE',
  'INVALID_COMPRESSION',
  'INVALID_CONFIG',
  'INVALID_DESCRIPTOR',
  'INVALID_DIGEST',
  'INVALID_INDEX',
  'INVALID_OUTPUT',
  'INVALID_PLATFORM',
  'INVALID_PORT',
  'INVALID_PROXY',
  'INVALID_REFERENCE',
  'INVALID_SOURCE',
  'INVALID_TAR',
  'LAYOUT_INVALID',
  'LOCKFILE_SYNTAX',
  'MIXED_MEDIA_TYPES',
  'NO_DOCKERFILE',
  'ROOTFS_INVALID',
  'ROOTFS_PLATFORM_UNKNOWN',
  'SERVICES_SYNTAX',
  'TARGET_NOT_FOUND',
  'TLS_FILES_MISSING',
  'TOO_MANY_LINKS',
  'UNSAFE_PATH',
  'UNSUPPORTED_COMPRESSION',
  'UNSUPPORTED_DIGEST',
  'UNSUPPORTED_LAYER',
  'USAGE',
]);

/** Every code of ours, for the test that lets none be forgotten. */
export const knownCodes: ReadonlySet<string> = new Set([...answerIsNo, ...worldRefused, ...askedWrongly]);

/** The exit code for what a command threw: a code of somebody's plug-in counts as asked wrongly. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return 130;
  if (!isMabuildError(error)) return 1;
  if (answerIsNo.has(error.code)) return 1;
  // Nobody asked wrongly where a disk is full.
  if (worldRefused.has(error.code) || isDiskFull(error.cause)) return 3;
  return 2;
}
