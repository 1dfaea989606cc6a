/**
 * The names of one asset on linux/amd64, linux/arm64, linux/arm/v7 and linux/arm/v6, separated by blanks.
 *
 * `-`: there is no such asset; `?`: nobody verified what it is called, or whether it exists; `~`: no text at all, as in the
 * bare name `tini`. A comma separates the names of `{arch}` and `{arch2}`.
 *
 * linux/arm/v6 is Alpine's hard float, Debian's soft float (armel) or Raspbian's hard float: a program that needs a C
 * library of one of them is `?` there.
 */
export type Names = string;

/** Names that hold for some versions: `['>=12 <24', names]`. */
export type VersionedNames = readonly [range: string, names: Names];

/** Packages that take the place of an asset that is not published. */
export interface Fallback {
  readonly apt?: string;
  readonly apk?: string;
  readonly dnf?: string;
  readonly note?: string;
}

/** Where upstream publishes checksums; `{url}`: the asset's own address, `{base}`: its folder, `{v}`: the version, `{name}`: the file's name up to the first `_`. */
export interface ChecksumTemplate {
  readonly algorithm: 'sha256' | 'sha512' | 'sha1' | 'md5';
  readonly url: string;
  readonly format: 'sums' | 'single';
}

/**
 * The downloads of one tool.
 *
 * Templates: `{v}` a version, `{*}` any text without a slash, `{arch}` and `{arch2}` the architecture,
 * `{a|b}` one of several texts (none when empty).
 */
export interface DownloadTool {
  readonly tool: string;
  /** The GitHub repositories whose releases hold `files`: `owner/name`, more than one after a move. */
  readonly github?: string | readonly string[];
  readonly files?: string | readonly string[];
  /** Addresses elsewhere, without the scheme. */
  readonly urls?: string | readonly string[];
  /** File names that are known wherever they lie. */
  readonly names?: string | readonly string[];
  readonly arch: Names | readonly VersionedNames[];
  /** Names inside the archive that carry the architecture in another form than the file name. */
  readonly inner?: string | readonly string[];
  /** What `{arch}` is inside the archive, where it differs from the file name. */
  readonly innerArch?: Names;
  readonly checksums?: ChecksumTemplate;
  readonly fallback?: Fallback;
  /** Why a platform is missing, when the reason is more than that nothing is published. */
  readonly reason?: string;
  /** `false`: the file's name alone does not tell the tool. */
  readonly named?: false;
  /** Where the names were seen: `owner/name:path`, a file name in public code, or the publisher's pages. */
  readonly from: string;
}
