import { parseGoDuration } from './go-duration.ts';
import { readHeredocMark } from './heredoc.ts';
import { dockerfileError, type Source } from './location.ts';
import type { Flag, Instruction } from './model.ts';
import { readMount } from './mounts.ts';
import { nearestKeyword } from './spelling.ts';
import { type Refuse, validateFlags } from './validate-flags.ts';

/**
 * Refuses what BuildKit's instructions package refuses, in its order and its words.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`.
 */
export function validateInstructions(source: Source, instructions: readonly Instruction[]): void {
  const refuse: Refuse = (range, message, hint) => dockerfileError(source, range, message, hint);
  let inStage = false;
  for (const instruction of instructions) {
    validateInstruction(instruction, refuse);
    const { keyword, keywordRange } = instruction;
    if (keyword === 'FROM') inStage = true;
    else if (!inStage && keyword !== 'ARG') {
      throw refuse(
        keywordRange,
        'no build stage in current context',
        `only ARG may stand before the first FROM; put a FROM above this ${keyword}`,
      );
    }
  }
}

type Validator = (instruction: Instruction, refuse: Refuse) => void;

/** Checks in the order in which BuildKit makes them. */
const validators: Readonly<Record<string, readonly Validator[]>> = {
  ADD: [validateCopy],
  ARG: [requireSome, requireNames, validateFlags],
  CMD: [validateFlags],
  COPY: [validateCopy],
  ENTRYPOINT: [validateFlags],
  ENV: [validateFlags, requireSome, requireNames],
  EXPOSE: [requireSome, validateFlags],
  FROM: [validateFrom],
  HEALTHCHECK: [validateHealthcheck],
  LABEL: [validateFlags, requireSome, requireNames],
  MAINTAINER: [requireOne, validateFlags],
  ONBUILD: [validateOnbuild],
  RUN: [validateRun],
  SHELL: [validateFlags, requireSome, requireJson],
  STOPSIGNAL: [requireOne],
  USER: [requireOne, validateFlags],
  VOLUME: [requireSome, validateFlags, requireVolumes],
  WORKDIR: [requireOne, validateFlags],
};

function validateInstruction(instruction: Instruction, refuse: Refuse): void {
  const checks = Object.hasOwn(validators, instruction.keyword) ? validators[instruction.keyword] : undefined;
  if (checks === undefined) throw unknownInstruction(instruction, refuse);
  for (const check of checks) check(instruction, refuse);
}

function validateFrom(instruction: Instruction, refuse: Refuse): void {
  const { args, words } = instruction;
  if (args.length === 3 && args[1]?.toLowerCase() === 'as') {
    if (!/^[a-z][a-z0-9-_.]*$/.test(args[2]?.toLowerCase() ?? '')) {
      throw refuse(
        words[2]?.range ?? instruction.range,
        `invalid name for build stage: ${JSON.stringify(args[2])}, name can't start with a number or contain symbols`,
      );
    }
  } else if (args.length !== 1) {
    const comment = args[1]?.startsWith('#') ? 'a comment needs a line of its own' : undefined;
    throw refuse(
      words[1]?.range ?? instruction.keywordRange,
      'FROM requires either one or three arguments',
      comment ?? 'write FROM image or FROM image AS name',
    );
  }
  validateFlags(instruction, refuse);
}

function validateCopy(instruction: Instruction, refuse: Refuse): void {
  const { keyword, args, words } = instruction;
  if (args.length < 2) {
    throw refuse(
      words[0]?.range ?? instruction.keywordRange,
      `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  validateFlags(instruction, refuse);
  if (isHeredoc(args.at(-1) ?? '')) {
    throw refuse(
      words.at(-1)?.range ?? instruction.argumentsRange,
      `${keyword} cannot accept a heredoc as a destination`,
      'name the heredoc first and the destination last',
    );
  }
}

function isHeredoc(word: string): boolean {
  try {
    return readHeredocMark(word) !== undefined;
  } catch {
    return false;
  }
}

function validateRun(instruction: Instruction, refuse: Refuse): void {
  validateFlags(instruction, refuse);
  for (const flag of instruction.flags) {
    const value = flag.value ?? '';
    const range = flag.valueRange ?? flag.range;
    if (flag.name === 'network' && !['default', 'none', 'host'].includes(value)) {
      throw refuse(range, `invalid network mode ${JSON.stringify(value)}`, 'use default, none or host');
    }
    if (flag.name === 'security' && value !== 'sandbox' && value !== 'insecure') {
      throw refuse(range, `security ${JSON.stringify(value)} is not valid`, 'use sandbox or insecure');
    }
    if (flag.name === 'mount') {
      const from = readMount(flag).find((field) => field.key === 'from');
      if (!from?.value || !/\$./.test(from.value)) continue;
      throw refuse(
        from.word?.range ?? range,
        "'from' doesn't support variable expansion, define alias stage instead",
        `add FROM ${from.value} AS name above and mount from=name`,
      );
    }
  }
}

function validateHealthcheck(instruction: Instruction, refuse: Refuse): void {
  requireSome(instruction, refuse);
  const { args, words, flags } = instruction;
  const type = args[0]?.toUpperCase() ?? '';
  const typeRange = words[0]?.range ?? instruction.argumentsRange;
  if (type === 'NONE') {
    if (args.length === 1) return;
    throw refuse(words[1]?.range ?? typeRange, 'HEALTHCHECK NONE takes no arguments');
  }
  validateFlags(instruction, refuse);
  if (type !== 'CMD') {
    throw refuse(typeRange, `Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  }
  if (args.length === 1) throw refuse(typeRange, 'Missing command after HEALTHCHECK CMD');
  for (const flag of flags) validateHealthcheckFlag(flag, refuse);
}

function validateHealthcheckFlag(flag: Flag, refuse: Refuse): void {
  const { value, name } = flag;
  const range = flag.valueRange ?? flag.range;
  if (!value) return;
  if (name === 'retries') {
    if (!/^[+-]?\d+$/.test(value)) {
      throw refuse(range, `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    if (Number(value) < 0) throw refuse(range, `--retries cannot be negative (${Number(value)})`);
    return;
  }
  const duration = parseGoDuration(value);
  if (duration === undefined) {
    throw refuse(range, `time: invalid duration ${JSON.stringify(value)}`, 'write e.g. 30s or 1m30s');
  }
  if (duration !== 0 && duration < 1) {
    throw refuse(range, `Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  }
}

function validateOnbuild(instruction: Instruction, refuse: Refuse): void {
  const { onbuild } = instruction;
  if (onbuild === undefined) throw atLeastOne(instruction, refuse);
  validateFlags(instruction, refuse);
  if (onbuild.keyword === 'ONBUILD') {
    throw refuse(onbuild.keywordRange, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (onbuild.keyword === 'FROM' || onbuild.keyword === 'MAINTAINER') {
    throw refuse(onbuild.keywordRange, `${onbuild.keyword} isn't allowed as an ONBUILD trigger`);
  }
}

function requireOne(instruction: Instruction, refuse: Refuse): void {
  if (instruction.args.length === 1) return;
  throw refuse(instruction.keywordRange, `${instruction.keyword} requires exactly one argument`);
}

function requireSome(instruction: Instruction, refuse: Refuse): void {
  if (instruction.args.length === 0) throw atLeastOne(instruction, refuse);
}

function atLeastOne(instruction: Instruction, refuse: Refuse): Error {
  return refuse(instruction.keywordRange, `${instruction.keyword} requires at least one argument`);
}

function requireVolumes(instruction: Instruction, refuse: Refuse): void {
  const empty = instruction.args.findIndex((arg) => arg.trim() === '');
  if (empty < 0) return;
  const range = instruction.words[empty]?.range ?? instruction.argumentsRange;
  throw refuse(range, 'VOLUME specified can not be an empty string');
}

function requireJson(instruction: Instruction, refuse: Refuse): void {
  if (instruction.json) return;
  throw refuse(
    instruction.argumentsRange,
    'SHELL requires the arguments to be in JSON form',
    'write e.g. SHELL ["/bin/bash", "-c"]',
  );
}

function requireNames(instruction: Instruction, refuse: Refuse): void {
  const { keyword, words } = instruction;
  const blank = words.find((word, index) =>
    keyword === 'ARG' ? word.raw.startsWith('=') : index % 2 === 0 && word.raw === '',
  );
  if (blank) throw refuse(blank.range, `${keyword} names can not be blank`);
}

function unknownInstruction(instruction: Instruction, refuse: Refuse): Error {
  const near = nearestKeyword(instruction.keyword);
  const written = instruction.logical.text.trim().split(/[\t\v\f\r ]/, 1)[0] ?? '';
  return refuse(
    instruction.keywordRange,
    `unknown instruction: ${written}`,
    near ? `did you mean ${near}?` : 'is the line above missing a continuation at its end?',
  );
}
