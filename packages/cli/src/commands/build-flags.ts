import { MabuildError } from '@mabuild/oci';
import type { Io } from '../io.ts';
import type { BuildRequest } from '../sdk/build/build-request.ts';
import { type Output, parseOutput } from '../sdk/build/output.ts';
import { type GlobalOptions, keyValues, namedPlatforms, oneOf, positive } from './options.ts';
import { bytesOf, hostsOf, ulimitsOf } from './run-flags.ts';
import { agentsOf, secretsOf } from './secret-flags.ts';

/** The flags of `mabuild build` as they are parsed. */
export interface BuildFlags extends GlobalOptions {
  readonly file?: string;
  readonly tag?: readonly string[];
  readonly platform?: readonly string[];
  readonly buildArg?: readonly string[];
  readonly target?: string;
  readonly buildContext?: readonly string[];
  readonly label?: readonly string[];
  readonly secret?: readonly string[];
  readonly ssh?: readonly string[];
  readonly cache: boolean;
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  readonly pull?: boolean;
  readonly push?: boolean;
  readonly pushByDigest?: boolean;
  readonly load?: boolean;
  readonly output?: string;
  readonly index: string;
  readonly indexType: string;
  readonly annotation?: readonly string[];
  readonly tagSuffix?: boolean;
  readonly network: string;
  readonly addHost?: readonly string[];
  readonly shmSize?: string;
  readonly ulimit?: readonly string[];
  readonly engine: string;
  readonly emulation: string;
  readonly qemu?: string;
  readonly keepEmulator?: boolean;
  readonly baseStyle?: string;
  readonly fix?: boolean;
  readonly verify: boolean;
  readonly jobs?: string;
  readonly dryRun?: boolean;
  readonly format: string;
  readonly progress: string;
  readonly quiet?: boolean;
  readonly iidfile?: string;
  readonly metadataFile?: string;
}

/**
 * Turns build's flags into a request.
 * @throws MabuildError `USAGE` naming the flag
 */
export function buildRequestOf(context: string, options: BuildFlags, io: Io): BuildRequest {
  const output = outputOf(options);
  const tags = options.tag ?? [];
  if (tags.length === 0 && output?.type === 'push') {
    throw new MabuildError('--push needs a name to push to', {
      code: 'USAGE',
      hint: 'add -t REGISTRY/NAME:TAG',
    });
  }
  if (options.tagSuffix && (options.index === 'always' || options.pushByDigest)) {
    throw new MabuildError('--tag-suffix makes no index and needs tags', {
      code: 'USAGE',
      hint: 'leave out --index always and --push-by-digest',
    });
  }
  return {
    context,
    stdin: context === '-' || options.file === '-' ? io.stdin : undefined,
    file: options.file,
    tags,
    platforms: namedPlatforms(options, io),
    buildArgs: keyValues('--build-arg', options.buildArg, io.environment),
    target: options.target,
    buildContexts: keyValues('--build-context', options.buildContext),
    labels: keyValues('--label', options.label),
    secrets: secretsOf(options.secret, io.environment),
    ssh: agentsOf(options.ssh),
    noCache: !options.cache,
    cacheFrom: options.cacheFrom ?? [],
    cacheTo: options.cacheTo ?? [],
    pull: options.pull ?? false,
    network: oneOf('--network', options.network, ['default', 'host', 'none']),
    addHosts: hostsOf(options.addHost),
    shmSize: options.shmSize === undefined ? undefined : bytesOf('--shm-size', options.shmSize),
    ulimits: ulimitsOf(options.ulimit),
    engine: oneOf('--engine', options.engine, ['auto', 'buildkit', 'classic', 'embedded']),
    emulation: oneOf('--emulation', options.emulation, ['auto', 'binfmt', 'inject', 'off']),
    qemu: options.qemu,
    keepEmulator: options.keepEmulator ?? false,
    baseStyle:
      options.baseStyle === undefined
        ? undefined
        : oneOf('--base-style', options.baseStyle, ['index', 'namespace']),
    fix: options.fix ?? false,
    verify: options.verify,
    jobs: options.jobs === undefined ? undefined : positive('--jobs', options.jobs),
    output,
    index: oneOf('--index', options.index, ['auto', 'always']),
    indexType: oneOf('--index-type', options.indexType, ['oci', 'docker']),
    annotations: keyValues('--annotation', options.annotation),
    tagSuffix: options.tagSuffix ?? false,
  };
}

function outputOf(options: BuildFlags): Output | undefined {
  const outputs: Output[] = [];
  if (options.push || options.pushByDigest)
    outputs.push({ type: 'push', byDigest: options.pushByDigest ?? false });
  if (options.load) outputs.push({ type: 'load' });
  if (options.output !== undefined) outputs.push(parseOutput(options.output));
  if (outputs.length > 1) {
    throw new MabuildError('--push, --load and --output exclude each other', {
      code: 'USAGE',
      hint: 'build twice: the second build is cached',
    });
  }
  return outputs[0];
}
