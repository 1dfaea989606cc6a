/** An operating system and a processor: OCI image-spec, "Image Index", `platform`. */
export interface Platform {
  /** GOOS, e.g. `linux`. */
  readonly os: string;
  /** GOARCH, e.g. `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  /** e.g. `v7` of `linux/arm/v7`. */
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

/** Reads `os/arch[/variant]` or a common alias (`arm64`, `aarch64`, `armhf`); the result is normalised. @throws MabuildError `INVALID_PLATFORM`. */
export function parsePlatform(text: string): Platform {
  throw new Error(`TODO ${text}`);
}
/** Writes `os/arch[/variant]`. */
export function formatPlatform(platform: Platform): string {
  throw new Error(`TODO ${platform.os}`);
}
