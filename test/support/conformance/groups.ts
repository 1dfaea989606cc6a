import { addRows } from './add.ts';
import { configRows } from './config.ts';
import { copyRows } from './copy.ts';
import { copyFlagRows } from './copy-flags.ts';
import { ignoreRows } from './ignore.ts';
import type { Group } from './row.ts';
import { runRows } from './run.ts';
import { runLayerRows } from './run-layers.ts';
import { stageRows } from './stages.ts';
import { syntaxRows } from './syntax.ts';
import { variableRows } from './variables.ts';
import { workdirRows } from './workdir.ts';

/**
 * The conformance table. In a Dockerfile `BASE` stands for an image with odd files, `TRIGGERS` for one with ONBUILD, `BUSY`
 * for one with a shell, `URL` for a web server.
 */
export const groups: readonly Group[] = [
  { title: 'FROM and stages', rows: stageRows },
  { title: 'ENV, ARG and expansion', rows: variableRows },
  { title: 'the image config', rows: configRows },
  { title: 'WORKDIR', rows: workdirRows },
  { title: 'COPY', rows: copyRows },
  { title: 'flags of COPY', rows: copyFlagRows },
  { title: 'ADD', rows: addRows },
  { title: '.dockerignore', rows: ignoreRows },
  { title: 'RUN', rows: runRows },
  { title: 'layers of RUN', rows: runLayerRows },
  { title: 'syntax', rows: syntaxRows },
];
