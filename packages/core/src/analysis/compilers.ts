import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';
import type { CodeReading } from './code-words.ts';
import { installOperands } from './install-operands.ts';

const compilers =
  /^(?:build-essential|build-base|gcc(?:-\d+)?|g\+\+(?:-\d+)?|clang(?:-\d+)?|gcc-c\+\+|python3?-all-dev|alpine-sdk|base-devel|devtoolset-.*|gcc_linux.*|build-dep)$/;
/** A script that installs none of them has no such word. */
const namesCompiler = /build-|gcc|g\+\+|clang|-all-dev|alpine-sdk|base-devel|devtoolset/;
/** Official images that hold a compiler, unless their tag says slim or alpine. */
const withCompiler =
  /^(?:docker\.io\/)?(?:library\/|arm32v[567]\/|arm64v8\/)?(?:python|pypy|node|ruby|golang|rust|gcc|perl|buildpack-deps|php)(?::(?!.*(?:slim|alpine|curl|scm|windows)).*)?$/;

/** Tells whether a stage has a C compiler: one is installed in it or a stage it stands on, or its image has one. */
export function hasCompiler(
  dockerfile: Dockerfile,
  reading: CodeReading,
  stage: Stage | undefined,
  options: Pick<ScopeOptions, 'buildArgs'> = {},
): boolean {
  if (!stage) return false;
  if (
    installOperands(reading, namesCompiler).some(
      (operand) => operand.word.stage === stage && compilers.test(operand.name),
    )
  )
    return true;
  try {
    const base = resolveBase(dockerfile, stage, options);
    if (base.kind === 'stage') return hasCompiler(dockerfile, reading, base.stage, options);
    return base.kind === 'image' && withCompiler.test(base.name);
  } catch {
    // A name that is none has its own finding.
    return false;
  }
}
