import { blobCommand } from './blob.ts';
import { buildCommand } from './build.ts';
import { cacheCommand } from './cache.ts';
import { catalogCommand } from './catalog.ts';
import { checkCommand } from './check.ts';
import type { DefineCommand } from './command.ts';
import { configCommand } from './config.ts';
import { copyCommand } from './copy.ts';
import { deleteCommand } from './delete.ts';
import { digestCommand } from './digest.ts';
import { doctorCommand } from './doctor.ts';
import { emulatorCommand } from './emulator.ts';
import { indexCommand } from './image-index.ts';
import { importCommand } from './import.ts';
import { inspectCommand } from './inspect.ts';
import { loginCommand } from './login.ts';
import { logoutCommand } from './logout.ts';
import { lsCommand } from './ls.ts';
import { manifestCommand } from './manifest.ts';
import { mergeCommand } from './merge.ts';
import { migrateCommand } from './migrate.ts';
import { pullCommand } from './pull.ts';
import { pushCommand } from './push.ts';
import { rulesCommand } from './rules.ts';
import { runCommand } from './run.ts';
import { tagCommand } from './tag.ts';
import { verifyCommand } from './verify.ts';

/** Every command, as `mabuild --help` groups them. */
export const commands: Readonly<Record<string, readonly DefineCommand[]>> = {
  'Build, look and run:': [buildCommand, runCommand, verifyCommand, inspectCommand, doctorCommand],
  'From x64 to ARM:': [checkCommand, migrateCommand, rulesCommand],
  'Images, from place to place:': [pushCommand, pullCommand, copyCommand, importCommand],
  'Several platforms under one name:': [indexCommand, mergeCommand],
  'In a registry:': [
    ...[lsCommand, catalogCommand, tagCommand, deleteCommand],
    ...[digestCommand, manifestCommand, configCommand, blobCommand],
    ...[loginCommand, logoutCommand],
  ],
  'On this machine:': [emulatorCommand, cacheCommand],
};
