import { add } from './add.ts';
import { command, entrypoint, shell } from './command.ts';
import { copy } from './copy.ts';
import { expose, healthcheck, label, maintainer, stopSignal, user, volume } from './metadata.ts';
import { onbuild } from './onbuild.ts';
import { type RunProgram, runStep } from './run.ts';
import type { Step } from './step.ts';
import { arg, env } from './variables.ts';
import { workdir } from './workdir.ts';

/** The steps by the instruction that they are for. */
export function stepsWith(run: RunProgram | undefined): Readonly<Record<string, Step>> {
  return {
    ADD: add,
    ARG: arg,
    CMD: command,
    COPY: copy,
    ENTRYPOINT: entrypoint,
    ENV: env,
    EXPOSE: expose,
    HEALTHCHECK: healthcheck,
    LABEL: label,
    MAINTAINER: maintainer,
    ONBUILD: onbuild,
    RUN: runStep(run),
    SHELL: shell,
    STOPSIGNAL: stopSignal,
    USER: user,
    VOLUME: volume,
    WORKDIR: workdir,
  };
}
